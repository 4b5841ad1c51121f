import type { Target } from '../../pipeline/run.ts'
import { alpaca } from './alpaca.ts'
import { chatml } from './chatml.ts'
import { openai } from './openai.ts'
import { sharegpt } from './sharegpt.ts'
import type { TargetTemplate } from './template.ts'
import { vicuna } from './vicuna.ts'

/** The training formats a run can export to. A later one is one file and one line here. */
export const targetTemplates = { chatml, sharegpt, alpaca, vicuna, openai } satisfies Record<
  Target,
  TargetTemplate
>
