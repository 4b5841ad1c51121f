import type { PartState } from './diagram-states.ts'

type Mark = Exclude<PartState['mark'], 'none'>

/** The marks of `views/components/mark.tsx`, once in a drawing; nodes point at them. */
const drawings = {
  healthy:
    '<circle class="mark__shape" cx="8" cy="8" r="7"/><path class="mark__sign" d="m4.9 8.3 2.2 2.2 4-4.6"/>',
  degraded:
    '<path class="mark__shape" d="M8 .9 15.6 14.6H.4Z"/><path class="mark__sign" d="M8 6.2v3.2M8 12.1v.1"/>',
  failed:
    '<rect class="mark__shape" x="1" y="1" width="14" height="14" rx="1"/><path class="mark__sign" d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6"/>',
  root: '<rect class="mark__shape" x="1" y="1" width="14" height="14" rx="1"/><path class="mark__sign" d="m5.2 5.2 5.6 5.6m0-5.6-5.6 5.6"/>',
  unknown:
    '<path class="mark__shape" d="M8 .2 15.8 8 8 15.8.2 8Z"/><path class="mark__sign" d="M6.1 6.5a1.95 1.95 0 1 1 2.9 1.6c-.7.4-1 .7-1 1.2M8 11.6v.1"/>',
  waits:
    '<rect class="mark__shape" x="1.9" y="1.9" width="12.2" height="12.2" rx="1"/><path class="mark__sign" d="M6.2 5.4v5.2M9.8 5.4v5.2"/>',
} as const satisfies Record<Mark, string>

export const markSymbols = (prefix: string): string =>
  Object.entries(drawings)
    .map(
      ([mark, drawing]) =>
        `<symbol id="${prefix}-${mark}" viewBox="0 0 16 16"><g class="mark--${mark}">${drawing}</g></symbol>`,
    )
    .join('')
