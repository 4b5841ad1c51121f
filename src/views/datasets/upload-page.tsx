import { mostNameCharacters } from '../../domain/datasets/receive-file.ts'
import { ErrorSummary, type FormProblem } from '../components/error-summary.tsx'
import { Facts } from '../components/facts.tsx'
import { Choice, InputField } from '../components/field.tsx'
import { bytes } from '../components/format.ts'
import { Icon } from '../components/icon.tsx'
import { Mark } from '../components/mark.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

/** What became of a file that was kept while another one was refused. */
export interface KeptFile {
  readonly fileName: string
  readonly datasetId: string
  readonly datasetName: string
  /** Its run, where one was started. */
  readonly runId?: string
  /** Why none was, where one was asked for. */
  readonly notRun?: string
}

interface Props extends Frame {
  /** Largest file that is accepted, in bytes. */
  maxBytes: number
  name?: string | undefined
  problems?: readonly FormProblem[]
  kept?: readonly KeptFile[]
}

const accepted = '.csv,.tsv,.json,.jsonl,.ndjson,.parquet'

/** Blueprint of one transfer; the script clones it for each file. */
const TransferTemplate = () => (
  <template id="transfer">
    <li class="transfer" data-state="queued">
      {(['queued', 'running', 'completed', 'failed', 'cancelled'] as const).map((state) => (
        <Mark state={state} />
      ))}
      <span class="transfer__name" />
      <span class="transfer__state" />
      <progress class="progress" max={1} value={0} />
      <div class="transfer__more">
        <span data-part="detail" />
        <span class="actions">
          <a class="button button--s" href="/datasets" data-part="open" hidden>
            Look at it
          </a>
          <button class="button button--s" type="button" data-part="cancel">
            Cancel
          </button>
        </span>
      </div>
    </li>
  </template>
)

/** The files of a form that were kept, and the way on from each. */
const Kept = ({ files }: { files: readonly KeptFile[] }) =>
  files.length === 0 ? null : (
    <section class="kept" aria-labelledby="kept">
      <div class="section__head">
        <h2 id="kept">
          Kept <span class="count">{files.length}</span>
        </h2>
        <span class="section__note">Do not send these again.</span>
      </div>
      <ul class="transfers">
        {files.map(({ fileName, datasetId, datasetName, runId, notRun }) => (
          <li class="transfer" data-state="completed">
            <Mark state="completed" />
            <span class="transfer__name">{fileName}</span>
            <span class="transfer__state">uploaded</span>
            <div class="transfer__more">
              <span>
                In <a href={`/datasets/${datasetId}`}>{datasetName}</a>
                {runId === undefined
                  ? notRun === undefined
                    ? '.'
                    : `. ${notRun}`
                  : '; its run has started.'}
              </span>
              {runId === undefined ? null : (
                <span class="actions">
                  <a class="button button--s" href={`/runs/${runId}`}>
                    Follow the run
                  </a>
                </span>
              )}
            </div>
          </li>
        ))}
      </ul>
    </section>
  )

/** `GET /datasets/new`; without script posts multipart to `/datasets`: `name`, `together`, `run`, `file`. */
export const UploadPage = ({ maxBytes, name, problems = [], kept = [], ...frame }: Props) => (
  <Shell frame={frame} title="Add dataset" place="datasets">
    <PageHead
      title="Add dataset"
      crumbs={[{ text: 'Datasets', href: '/datasets' }, { text: 'Add dataset' }]}
    />
    <div class="split">
      <div>
        <ErrorSummary
          title={
            kept.length === 0
              ? 'Nothing was uploaded'
              : `Refused: ${problems.length} of ${problems.length + kept.length} files`
          }
          problems={problems}
        />
        <Kept files={kept} />
        <form
          method="post"
          action="/datasets"
          enctype="multipart/form-data"
          data-upload="/datasets/files"
          data-max={maxBytes}
        >
          <InputField
            name="name"
            label="Name"
            optional
            hint="Without one, a dataset is called like its file."
            problems={problems}
            maxlength={mostNameCharacters}
            autocomplete="off"
            value={name}
          />
          <fieldset class="field">
            <legend>Several files are</legend>
            <Choice
              kind="radio"
              id="together-no"
              name="together"
              value="no"
              checked
              label="one dataset each"
            />
            <Choice
              kind="radio"
              id="together-yes"
              name="together"
              value="yes"
              label="one dataset for all"
              hint="Parts of the same export, with the same fields"
            />
          </fieldset>
          <fieldset class="field">
            <legend>After the upload</legend>
            <Choice
              kind="checkbox"
              id="run"
              name="run"
              value="1"
              checked
              label="Run when uploaded"
              hint="Only where detection is sure; otherwise you look at the mapping first"
            />
          </fieldset>
          <section class="section" aria-labelledby="choose">
            <h2 class="vh" id="choose">
              Files
            </h2>
            <div class="drop">
              <p class="drop__title" data-script-only hidden>
                Drop files here
              </p>
              <p>
                <label class="button button--primary drop__button" for="files">
                  <Icon name="upload" />
                  Choose files
                </label>
                <input
                  class="drop__input"
                  id="files"
                  type="file"
                  name="file"
                  multiple
                  required
                  accept={accepted}
                />
              </p>
              <p>CSV, TSV, JSON, JSONL or Parquet, up to {bytes(maxBytes)} each. Encrypted on arrival.</p>
            </div>
          </section>
          <p class="section actions" data-no-script>
            <button class="button button--primary" type="submit">
              Upload
            </button>
          </p>
          <section class="section" aria-labelledby="transfers" data-transfers hidden>
            <div class="section__head">
              <h2 id="transfers">Transfers</h2>
              <span class="section__note" data-part="summary" role="status" />
            </div>
            <ul class="transfers" />
          </section>
          <TransferTemplate />
        </form>
      </div>
      <aside aria-labelledby="accepts">
        <div class="section__head">
          <h2 id="accepts">What can be read</h2>
        </div>
        <Facts
          facts={[
            { label: 'Dialogue rows', value: 'one row an utterance, with a key, a speaker and a text' },
            { label: 'Messages', value: 'ChatML, OpenAI messages, ShareGPT, or any field and role names' },
            { label: 'Exchanges', value: 'Alpaca: instruction, input, output' },
            { label: 'Text', value: 'Vicuna, ChatML markup' },
            { label: 'Encodings', value: 'UTF-8, UTF-16, Windows-1252 and more' },
          ]}
        />
      </aside>
    </div>
  </Shell>
)
