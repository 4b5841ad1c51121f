import type { RotationProgress } from '../../domain/vault/key-administration.ts'
import type { KeyState } from '../../domain/vault/key-state.ts'
import { day, number, plural } from '../components/format.ts'
import { Notice } from '../components/notice.tsx'
import { PageHead } from '../components/page-head.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'

interface Props extends Frame {
  /** The rotation, or the version that is to be retired. */
  change: 'rotation' | number
  keys: KeyState
  unfinished: RotationProgress | undefined
  /** Why nothing was changed. */
  problem?: string | undefined
  now: Date
}

/** `GET /admin/keys/rotation` and `GET /admin/keys/:version/retirement`: what will happen, before it does. */
export const KeyChangePage = ({ change, keys, unfinished, problem, now, ...frame }: Props) => {
  const isRotation = change === 'rotation'
  const title = isRotation ? 'Rotate the master key?' : `Retire version ${change} of the master key?`
  return (
    <Shell frame={frame} title={title} place="admin">
      <PageHead title={title} crumbs={[{ text: 'Master keys', href: '/admin/keys' }]} />
      {problem === undefined ? null : (
        <div class="notices">
          <Notice state="failed">{problem}</Notice>
        </div>
      )}
      <form
        method="post"
        action={isRotation ? '/admin/keys/rotation' : `/admin/keys/${change}/retirement`}
        class="stack stack--s"
      >
        {isRotation ? (
          <Rotation keys={keys} unfinished={unfinished} />
        ) : (
          <Retirement keys={keys} version={change} now={now} />
        )}
        <p class="actions">
          <button
            class={isRotation ? 'button button--primary' : 'button button--danger-primary'}
            type="submit"
          >
            {isRotation
              ? unfinished === undefined
                ? 'Rotate'
                : 'Go on with the rotation'
              : `Retire version ${change}`}
          </button>
          <a class="button button--quiet" href="/admin/keys">
            Cancel
          </a>
        </p>
      </form>
    </Shell>
  )
}

const Rotation = ({ keys, unfinished }: Pick<Props, 'keys' | 'unfinished'>) => {
  const total = keys.masterKeys.reduce((sum, master) => sum + master.keys, 0)
  return (
    <>
      {unfinished === undefined ? (
        <p>
          A new version of the master key is made, and {plural(total, 'key')} of datasets and runs{' '}
          {total === 1 ? 'is' : 'are'} re-wrapped under it.
        </p>
      ) : (
        <p>
          {plural(unfinished.total - unfinished.done, 'key')} of {number(unfinished.total)} will be re-wrapped
          under version {unfinished.to}.
        </p>
      )}
      <p>
        It goes on behind the portal, which stays in use. Nothing is lost when it is interrupted: the next
        start goes on with it. Back up the keys when it has ended, because older backups do not hold the new
        version.
      </p>
    </>
  )
}

const Retirement = ({ keys, version, now }: { keys: KeyState; version: number; now: Date }) => {
  const master = keys.masterKeys.find((each) => each.version === version)
  if (master === undefined) return null
  const days = Math.floor((now.getTime() - master.createdAt.getTime()) / 86_400_000)
  return (
    <>
      <p>
        Version {version} was made on {day(master.createdAt)}, {plural(days, 'day')} ago, and{' '}
        {plural(master.keys, 'key')} {master.keys === 1 ? 'is' : 'are'} under it.
      </p>
      <p>
        <strong>What is lost:</strong> version {version} itself, for good. Backups of the keys from before the
        rotation hold keys that only this version opens: what they protect can then be read from no such
        backup, unless you keep a copy of version {version} as long as those backups.
      </p>
      <p>Datasets, runs and backups made since the rotation are not touched.</p>
    </>
  )
}
