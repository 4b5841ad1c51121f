/** A choice in a toolbar of filters; the empty one means any. */
export const Choose = ({
  name,
  id = name,
  label,
  any,
  value,
  options,
}: {
  name: string
  /** Where another control of the page has the name. */
  id?: string
  /** For who cannot see what stands around it. */
  label: string
  any: string
  value: string | undefined
  options: readonly { readonly value: string; readonly label: string }[]
}) => (
  <>
    <label class="vh" for={id}>
      {label}
    </label>
    <select class="select" id={id} name={name}>
      <option value="">{any}</option>
      {options.map((option) => (
        <option value={option.value} selected={option.value === value}>
          {option.label}
        </option>
      ))}
    </select>
  </>
)
