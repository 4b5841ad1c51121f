export interface FormProblem {
  /** Id of the control it belongs to; absent when it concerns the whole form. */
  readonly field?: string
  readonly message: string
}

/** What keeps a form from being accepted, with a way to each control. Announced and focused on arrival. */
export const ErrorSummary = ({ title, problems }: { title: string; problems: readonly FormProblem[] }) =>
  problems.length === 0 ? null : (
    <div class="error-summary" role="alert" aria-labelledby="errors">
      <h2 id="errors">{title}</h2>
      <ul class="bullets">
        {problems.map(({ field, message }) => (
          <li>{field === undefined ? message : <a href={`#${field}`}>{message}</a>}</li>
        ))}
      </ul>
    </div>
  )

/** The message for one control, if it has one. */
export const problemOf = (problems: readonly FormProblem[], field: string): string | undefined =>
  problems.find((problem) => problem.field === field)?.message
