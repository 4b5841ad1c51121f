import type { Mistake } from '../../domain/flows/configuration/located.ts'
import type { WatchedFlow } from '../../domain/flows/monitor/flow-monitor.ts'
import { plural, shortDigest } from '../components/format.ts'
import { Mark } from '../components/mark.tsx'
import { Notice } from '../components/notice.tsx'
import { RelativeTime } from '../components/relative-time.tsx'
import { Section } from '../components/section.tsx'
import { type Frame, Shell } from '../layout/shell.tsx'
import { FlowHead } from './flow-head.tsx'
import { MistakeTable, MistakeText } from './mistakes.tsx'

interface Props extends Frame {
  watched: WatchedFlow
  now: Date
}

/** `GET /flows/:flow/configuration`: the text in force, and a newer one that was refused, with what is wrong at its lines. */
export const ConfigurationPage = ({ watched, now, ...frame }: Props) => {
  const { refused, warnings, file, text, hash, loadedAt } = watched
  return (
    <Shell frame={frame} title={`Configuration of ${watched.flow.name}`} place="flows">
      <FlowHead watched={watched} tab="configuration" />
      {refused === undefined ? null : (
        <>
          <div class="notices">
            <Notice state="failed">
              {file} was changed <RelativeTime at={new Date(refused.at)} now={now} /> and refused with{' '}
              {plural(refused.mistakes.filter(({ severity }) => severity === 'error').length, 'error')}. The
              text before it goes on. Mend the file; it is taken over within two seconds.
            </Notice>
          </div>
          <Section id="mistakes" title="What is wrong">
            <MistakeTable
              mistakes={refused.mistakes}
              text={refused.text}
              labelledBy="mistakes"
              lineHref={(line) => `#refused-${line}`}
            />
          </Section>
          <Section id="refused" title="The refused text">
            <NumberedText
              text={refused.text}
              mistakes={refused.mistakes}
              prefix="refused"
              labelledBy="refused"
            />
          </Section>
        </>
      )}
      <Section
        id="in-force"
        title="In force"
        note={
          <>
            {file}, <span class="id">{shortDigest(hash)}</span>, loaded{' '}
            <RelativeTime at={new Date(loadedAt)} now={now} />
            {warnings.length === 0 ? '' : `, ${plural(warnings.length, 'warning')}`}; variables stand as they
            are written, never with their values
          </>
        }
      >
        <NumberedText text={text} mistakes={warnings} prefix="line" labelledBy="in-force" />
      </Section>
    </Shell>
  )
}

interface TextProps {
  text: string
  mistakes: readonly Mistake[]
  /** Begins the ids of its lines. */
  prefix: string
  labelledBy: string
}

/** A file line by line, each mistake under its line. */
export const NumberedText = ({ text, mistakes, prefix, labelledBy }: TextProps) => {
  const byLine = Map.groupBy(mistakes, ({ line }) => line)
  const lines = text.replace(/\n$/, '').split('\n')
  return (
    // biome-ignore lint/a11y/useSemanticElements: a text that scrolls in its own box
    <div class="code numbered-text" role="group" aria-labelledby={labelledBy} tabindex={0}>
      <ol>
        {lines.map((line, at) => {
          const found = byLine.get(at + 1) ?? []
          const isWrong = found.some(({ severity }) => severity === 'error')
          return (
            <li
              id={`${prefix}-${at + 1}`}
              data-state={found.length === 0 ? undefined : isWrong ? 'failed' : 'degraded'}
            >
              <code>{line === '' ? ' ' : line}</code>
              {found.map((mistake) => (
                <p class="numbered-text__mistake">
                  <Mark state={mistake.severity === 'error' ? 'failed' : 'degraded'} />
                  <span>
                    <b>{mistake.severity === 'error' ? 'Error' : 'Warning'}</b>, column {mistake.column}:{' '}
                    <MistakeText mistake={mistake} />
                  </span>
                </p>
              ))}
            </li>
          )
        })}
      </ol>
    </div>
  )
}
