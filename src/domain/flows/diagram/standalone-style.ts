import { createHash } from 'node:crypto'

/** How a diagram looks, state by state; `public/portal.css` holds the same rules. */
export const diagramRules = [
  '.flow { font: 500 13px var(--sans); }',
  '.flow text { fill: var(--ink); text-anchor: middle; }',
  '.flow .flow__word { text-anchor: start; font-size: 12px; font-weight: 600; fill: var(--ink-2); }',
  '.flow__arrow { fill: none; stroke: var(--ink-3); stroke-width: 1.25; }',
  '.flow__arrow--dotted { stroke-dasharray: 2 4; }',
  '.flow__head { fill: var(--ink-3); fill: context-stroke; stroke: none; }',
  '.flow__arrow[data-state="starved"] { stroke: var(--fail-ink); stroke-width: 1.75; stroke-dasharray: 5 3; }',
  '.flow__arrow[data-state="at-risk"] { stroke: var(--warn-ink); stroke-width: 1.5; stroke-dasharray: 9 3; }',
  '.flow__label rect { fill: var(--canvas); }',
  '.flow .flow__label text { font-size: 11px; font-weight: 400; fill: var(--ink-2); }',
  '.flow__process rect { fill: var(--surface); stroke: var(--control-line); stroke-width: 1; }',
  '.flow__sensor rect { fill: var(--sunken); stroke: var(--line); stroke-width: 1; }',
  '.flow .flow__sensor text { font-size: 12px; font-weight: 400; }',
  '.flow :is(.flow__process, .flow__sensor)[data-state="healthy"] rect { stroke: var(--ok-fill); }',
  '.flow .flow__process[data-state="healthy"] .flow__word { fill: var(--ok-ink); }',
  '.flow :is(.flow__process, .flow__sensor)[data-state="degraded"] rect { fill: var(--warn-tint); stroke: var(--warn-ink); stroke-width: 1.5; }',
  '.flow .flow__process[data-state="degraded"] .flow__word { fill: var(--warn-ink); }',
  '.flow :is(.flow__process, .flow__sensor)[data-state="unknown"] rect { fill: var(--unknown-tint); stroke: var(--unknown-fill); stroke-width: 1.5; stroke-dasharray: 1 3; }',
  '.flow :is(.flow__process, .flow__sensor)[data-state="failed"] rect { fill: var(--fail-tint); stroke: var(--fail-fill); stroke-width: 2; }',
  '.flow .flow__process[data-state="failed"] .flow__word { fill: var(--fail-ink); }',
  '.flow .flow__process[data-state="waits"] rect { stroke: var(--fail-ink); stroke-width: 1.75; stroke-dasharray: 5 3; }',
  '.flow .flow__process[data-state="waits"] .flow__word { fill: var(--fail-ink); }',
  '.flow .flow__process[data-role="at-risk"] rect { stroke: var(--warn-ink); stroke-width: 1.5; stroke-dasharray: 9 3; }',
  '.flow .flow__process[data-role="at-risk"] .flow__word { fill: var(--warn-ink); }',
  '.flow .flow__process[data-state="failed"][data-role="root"] rect { fill: var(--fail-fill); }',
  '.flow .flow__process[data-state="failed"][data-role="root"] text { fill: var(--on-fail); }',
  '.flow [data-probable] rect { stroke-width: 1; }',
  '.mark--root { --_fill: var(--on-fail); --_on: var(--fail-fill); }',
] as const

/** The rules of marks, as the portal's stylesheet has them for all pages. */
const markRules = `.mark__shape { fill: var(--_fill); }
.mark__sign { fill: none; stroke: var(--_on, var(--on-fill)); stroke-width: 2; }
.mark--healthy { --_fill: var(--ok-fill); }
.mark--degraded { --_fill: var(--warn-fill); --_on: #2b1c00; }
.mark--failed { --_fill: var(--fail-fill); --_on: var(--on-fail); }
.mark--unknown { --_fill: var(--unknown-fill); }
.mark--waits .mark__shape { fill: none; stroke: var(--fail-ink); stroke-width: 1.75; }
.mark--waits .mark__sign { stroke: var(--fail-ink); }`

const light =
  '--canvas:#fff;--surface:#fff;--sunken:#f5f7f8;--ink:#151d23;--ink-2:#48525a;--ink-3:#5d666d;--line:#c5cdd2;--control-line:#7e888f;--ok-ink:#1b6136;--ok-fill:#248148;--warn-ink:#834b00;--warn-fill:#f3a73a;--warn-tint:#fff3de;--fail-ink:#b3161c;--fail-fill:#c4141b;--fail-tint:#ffebe9;--unknown-fill:#6d757b;--unknown-tint:#eaedef;--on-fill:#fff;--on-fail:#fff'
const dark =
  '--canvas:#0f1417;--surface:#161b1f;--sunken:#0a0f12;--ink:#eaedef;--ink-2:#acb5bb;--ink-3:#939ca3;--line:#394147;--control-line:#69737a;--ok-ink:#77dc98;--ok-fill:#4ccb77;--warn-ink:#f9c574;--warn-fill:#fab23a;--warn-tint:#3a2a12;--fail-ink:#ff938b;--fail-fill:#d11f25;--fail-tint:#3d1a19;--unknown-fill:#8f989e;--unknown-tint:#252b2f;--on-fill:#0c1013;--on-fail:#fff'

/** One text for every drawing, so that a policy can allow it by its hash. */
export const standaloneStyle = `.flow{--sans:system-ui,"Segoe UI","Noto Sans",sans-serif;${light};background:var(--canvas)}
@media (prefers-color-scheme:dark){.flow{${dark}}}
${markRules}
${diagramRules.join('\n')}`

export const standaloneStyleHash = createHash('sha256').update(standaloneStyle).digest('base64')
