import { html } from 'hono/html'
import type { BoardLayout } from '../../domain/flows/board/board-layout.ts'
import type { BoardState } from '../../domain/flows/board/board-state.ts'
import { looks, type ProcessLook } from '../../domain/flows/board/process-look.ts'
import type { Flow } from '../../domain/flows/flow.ts'
import { BoardMark, BoardMarks } from './board-mark.tsx'

interface Props {
  readonly flow: Pick<Flow, 'id' | 'name' | 'timezone' | 'board' | 'processes' | 'connections'>
  readonly layout: BoardLayout
  readonly state: BoardState
  /** What tells a later answer from this page: when it differs, the page loads itself anew. */
  readonly version: {
    readonly seq: number
    readonly bootId: string
    readonly configHash: string
    readonly assets: string
  }
  /** The address of the next board (undefined: there is no other now), and after how long it is shown; undefined: this one stays. */
  readonly rotation: { readonly next: string | undefined; readonly afterMs: number } | undefined
  /** How whoever looks came in. */
  readonly access: 'session' | 'link'
  /** Whether whoever looks may make a board link, which is offered before the session ends. */
  readonly mayMakeLinks: boolean
  readonly now: Date
}

/** `GET /board/:id`: a flow on a wall. Drawn once; from then on `board.js` sets attributes and texts only. */
export const BoardPage = (props: Props) => html`<!doctype html>
${<Board {...props} />}`

const Board = ({ flow, layout, state, version, rotation, access, mayMakeLinks, now }: Props) => (
  <html lang="en" data-theme="dark">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="dark" />
      <noscript>
        <meta http-equiv="refresh" content="5" />
      </noscript>
      <title>{state.title}</title>
      <link rel="icon" href={`/board-icons/${state.icon}.svg`} type="image/svg+xml" data-part="icon" />
      <link rel="stylesheet" href="/portal.css" />
      <link rel="stylesheet" href="/board.css" />
      <script src="/board.js" type="module" />
    </head>
    <body
      class="board"
      data-board={flow.id}
      data-name={flow.name}
      data-worst={state.worst}
      data-live="yes"
      data-beat="a"
      data-seq={version.seq}
      data-boot-id={version.bootId}
      data-config-hash={version.configHash}
      data-assets={version.assets}
      data-access={access}
      data-live-after={flow.board.live_after}
      data-blank-after={flow.board.blank_after}
      data-reload-every={flow.board.reload_every}
      data-next={rotation?.next}
      data-rotate-after={rotation?.afterMs}
      data-sound={flow.board.sound ? 'asked' : undefined}
    >
      <BoardMarks />
      <main class="board__frame" id="board">
        <Head flow={flow} state={state} mayMakeLinks={mayMakeLinks} now={now} />
        <div class="board__map" data-grid={layout.grid?.name ?? 'many'} data-style={flow.board.style}>
          {layout.grid === undefined ? null : <Track layout={layout} state={state} />}
          <ol class="board__stages">
            {layout.order.map((id) => {
              const process = state.processes.find((each) => each.id === id)
              const name = flow.processes.find((each) => each.id === id)?.name ?? id
              return process === undefined ? null : <Stage process={process} name={name} />
            })}
          </ol>
        </div>
        <Foot state={state} sound={flow.board.sound} />
        <Hung since={timeIn(flow.timezone, now)} />
      </main>
    </body>
  </html>
)

const Head = ({ flow, state, mayMakeLinks, now }: Pick<Props, 'flow' | 'state' | 'mayMakeLinks' | 'now'>) => (
  <header class="board__head">
    <div>
      <h1>
        <span role="alert">
          <span class="board__stale" data-part="stale" hidden>
            <BoardMark look="unknown" />
            <span data-part="stale-text" />
          </span>
        </span>
        <span class="board__headline" data-part="headline" data-size={state.headline.size}>
          <span data-part="before" hidden={state.headline.before === ''}>
            {state.headline.before}
          </span>{' '}
          <span class="board__plate" data-part="plate" hidden={state.headline.name === ''}>
            <BoardMark look={state.worst} />
            <span data-part="name">{state.headline.name}</span>
          </span>{' '}
          <span data-part="after">{state.headline.after}</span>
        </span>
      </h1>
      <p class="board__because" data-part="because">
        {state.because}
      </p>
      <p class="board__warning" data-part="warning" hidden={state.warning === ''}>
        <BoardMark look="degraded" />
        <span data-part="warning-text">{state.warning}</span>
      </p>
      <p class="board__warning" data-part="session" hidden>
        <BoardMark look="at-risk" />
        <span data-part="session-text" />
        {mayMakeLinks ? <a href="/admin/boards#make">Make a board link</a> : null}
      </p>
      <noscript>
        <p class="board__because">
          Scripts are off, so this board loads itself anew every 5 s. When it stops doing so it greys out.
        </p>
      </noscript>
    </div>
    <p class="board__clock">
      <time data-part="clock">{timeIn(flow.timezone, now)}</time>
      <small>{flow.name}</small>
    </p>
  </header>
)

const Track = ({ layout, state }: Pick<Props, 'layout' | 'state'>) => (
  <svg class="board__track" viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">
    {overFlowing(layout.tracks, state.tracks).map(({ connection, kind, path }) => (
      <path data-track={connection} data-kind={kind} data-state={state.tracks[connection]} d={path} />
    ))}
  </svg>
)

/** What is starved lies over what flows, where both run together. */
const overFlowing = (tracks: BoardLayout['tracks'], states: BoardState['tracks']) =>
  tracks.toSorted(
    (a, b) => Number(states[a.connection] !== 'flows') - Number(states[b.connection] !== 'flows'),
  )

const Stage = ({ process, name }: { process: ProcessLook; name: string }) => (
  <li
    class="stage"
    data-process={process.id}
    data-name={sizeOfName(name)}
    data-look={process.look}
    data-probable={String(process.probable)}
  >
    <BoardMark look={process.look} />
    <p class="stage__state">
      <span data-part="word">{process.word}</span>
      <span class="stage__since" data-part="since">
        {process.since}
      </span>
    </p>
    <h2 class="stage__name">{name}</h2>
    <p class="stage__line" data-part="line">
      {process.line}
    </p>
  </li>
)

/** The name of a root is never cut: where it is long it is written smaller. */
const sizeOfName = (name: string): 'short' | 'long' | 'longest' | 'endless' => {
  const longestWord = Math.max(...name.split(/\s+/).map((word) => word.length))
  if (name.length > 70) return 'endless'
  if (name.length > 40) return 'longest'
  return name.length > 18 || longestWord > 10 ? 'long' : 'short'
}

const countWords = {
  failed: 'failed',
  confirming: 'confirming',
  waits: 'waiting',
  unknown: 'unknown',
  degraded: 'degraded',
  'at-risk': 'at risk',
  healthy: 'healthy',
} as const

const Foot = ({ state, sound }: Pick<Props, 'state'> & { sound: boolean }) => (
  <footer class="board__foot">
    <ul class="board__counts">
      {looks.map((look) => (
        <li data-count={look} hidden={state.counts[look] === 0}>
          <BoardMark look={look} />
          <span>
            <span data-part="count">{state.counts[look]}</span> {countWords[look]}
          </span>
        </li>
      ))}
    </ul>
    <p class="board__live">
      {sound ? (
        <button class="board__sound" type="button" data-part="sound" hidden>
          Turn sound on
        </button>
      ) : null}
      {/* Lit by the script: without it the page never promises what does not happen. */}
      <span class="lamp" data-part="lamp">
        As of loading
      </span>
      <span data-part="beat" />
      <span data-part="checker" />
      <span data-part="number" />
    </p>
  </footer>
)

/** Shown by an animation alone, when no beat restarted it: so it comes even where the script hangs. */
const Hung = ({ since }: { since: string }) => (
  <div class="board__hung" aria-hidden="true">
    <p class="board__stale">
      <BoardMark look="unknown" />
      <span data-part="hung-text">NOT LIVE since {since}</span>
    </p>
  </div>
)

const timeIn = (timeZone: string, at: Date) =>
  new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone }).format(at)
