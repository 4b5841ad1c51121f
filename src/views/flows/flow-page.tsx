import { type Frame, Shell } from '../layout/shell.tsx'
import { FlowHead } from './flow-head.tsx'
import { type FlowHistoryProps, FlowHistorySections } from './flow-history.tsx'
import { FlowLive, type FlowLiveProps } from './flow-live.tsx'

/** Seconds between two looks, for whom no stream gets through. */
export const intervals = [2, 5, 15, 60] as const

/** The stream says so often that it lives: whoever hears nothing greys the page as early as a board. */
export const beatSeconds = 2

interface Props extends Frame, Omit<FlowLiveProps, 'drawn'>, Omit<FlowHistoryProps, 'flow' | 'hrefOf'> {
  drawn: NonNullable<FlowLiveProps['drawn']>
  /** Seconds; undefined: a stream. */
  every: number | undefined
  /** Address of the page with something else chosen. */
  pageHref: (change: Readonly<Record<string, string | undefined>>) => string
  /** What goes along to the fragment. */
  query: string
  /** Address of the fragment that shows the history anew. */
  historyHref: string
}

/** `GET /flows/:flow?sort=…&range=…&every=…`: how a flow is now, and how it was. */
export const FlowPage = ({
  picture,
  states,
  scheduler,
  drawn,
  sorting,
  hrefOf,
  now,
  history,
  transitions,
  range,
  every,
  pageHref,
  query,
  historyHref,
  ...frame
}: Props) => {
  const { watched } = picture
  return (
    <Shell frame={frame} title={watched.flow.name} place="flows" live refreshSeconds={every}>
      <FlowHead watched={watched} tab="now" />
      <div
        id="flow-live"
        data-live={`/flows/${watched.id}/events${query}`}
        data-poll={`/flows/${watched.id}/live${query}`}
        data-beat={String(beatSeconds)}
        data-every={every === undefined ? undefined : String(every)}
      >
        <FlowLive
          picture={picture}
          states={states}
          scheduler={scheduler}
          drawn={drawn}
          sorting={sorting}
          hrefOf={hrefOf}
          now={now}
        />
      </div>
      <nav class="ranges ranges--foot" aria-label="How this page follows">
        <span class="muted">This page looks</span>
        <a href={pageHref({ every: undefined })} aria-current={every === undefined ? 'true' : undefined}>
          live
        </a>
        {intervals.map((seconds) => (
          <a href={pageHref({ every: `${seconds}s` })} aria-current={every === seconds ? 'true' : undefined}>
            {`every ${seconds} s`}
          </a>
        ))}
      </nav>
      {/* Apart from what is live: the past costs a query, and its narrowest slot is a minute wide. */}
      <div
        hidden
        hx-get={historyHref}
        hx-trigger="every 60s"
        hx-target="#flow-history"
        hx-swap="innerMorph"
        hx-config="timeout:8s"
      />
      <div id="flow-history">
        <FlowHistorySections
          flow={watched.flow}
          history={history}
          transitions={transitions}
          range={range}
          hrefOf={(each) => pageHref({ range: each })}
          now={now}
        />
      </div>
    </Shell>
  )
}
