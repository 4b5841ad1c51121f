import type { Child } from 'hono/jsx'

interface Props {
  id: string
  title: string
  action: string
  children?: Child
  keep: string
  confirm: string
}

/** Asks before something is lost. Opened by a link to the page that asks the same, with `data-dialog`: where nothing opens it, the page is gone to. */
export const ConfirmDialog = ({ id, title, action, children, keep, confirm }: Props) => (
  <dialog class="dialog" id={id} aria-labelledby={`${id}-title`}>
    <form method="post" action={action}>
      <div class="dialog__body">
        <h2 id={`${id}-title`}>{title}</h2>
        {children}
      </div>
      <div class="dialog__foot">
        <button class="button" type="button" {...{ command: 'close', commandfor: id }}>
          {keep}
        </button>
        <button class="button button--danger-primary" type="submit">
          {confirm}
        </button>
      </div>
    </form>
  </dialog>
)
