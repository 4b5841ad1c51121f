import { ErrorSummary } from '../components/error-summary.tsx'
import { Icon } from '../components/icon.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { Deletion, type DoomedDataset } from './deletion.tsx'

interface Props extends Frame {
  dataset: DoomedDataset
  /** Why nothing was deleted. */
  problem?: string | undefined
}

/** `GET /datasets/:id/delete`: what the dialog of the dataset's page asks, for browsers that cannot open it. */
export const DeletePage = ({ dataset, problem, ...frame }: Props) => {
  const { id, name } = dataset.summary
  const title = `Delete ${name}?`
  return (
    <Shell frame={frame} title={title} place="datasets">
      <PageHead
        title={title}
        crumbs={[
          { text: 'Datasets', href: '/datasets' },
          { text: name, href: `/datasets/${id}` },
          { text: 'Delete' },
        ]}
      />
      <ErrorSummary
        title="Nothing was deleted"
        problems={problem === undefined ? [] : [{ field: 'confirm', message: problem }]}
      />
      <form method="post" action={`/datasets/${id}/delete`}>
        <div class="stack stack--s">
          <Deletion dataset={dataset} problem={problem} />
        </div>
        <p class="section actions">
          <button class="button button--danger-primary" type="submit">
            <Icon name="delete" />
            Delete dataset
          </button>
          <a class="button button--quiet" href={`/datasets/${id}`}>
            Cancel
          </a>
        </p>
      </form>
    </Shell>
  )
}
