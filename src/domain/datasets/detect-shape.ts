import { isJsonObject, type Json, type JsonObject } from '../json.ts'
import { detectRows } from './detect-rows.ts'
import { detectTurns } from './detect-turns.ts'
import { isText, percent, type Shape, share } from './shape.ts'

/** Recognises how sampled records hold conversations; the first of the shapes that fits, the most telling first. */
export function detectShape(sample: readonly Json[]): Shape {
  const records = sample.filter(isJsonObject)
  return (
    detectTurns(sample) ??
    detectExchange(records) ??
    detectMarkup(records) ??
    detectRows(records) ??
    nothing(sample)
  )
}

const instructionFields = ['instruction', 'prompt', 'question', 'query', 'questiontext', 'input_text']
const outputFields = ['output', 'response', 'completion', 'answer', 'answertext', 'target_text']

function detectExchange(records: readonly JsonObject[]): Shape | undefined {
  const fields = Object.keys(records[0] ?? {})
  const find = (names: readonly string[]) =>
    names
      .map((name) => fields.find((field) => field.toLowerCase() === name))
      .find((field) => field !== undefined && share(records, field, isText) > 0.9)
  const instructionField = find(instructionFields)
  const outputField = find(outputFields)
  if (instructionField === undefined || outputField === undefined) return undefined
  const isAlpaca = instructionField === 'instruction' && outputField === 'output'
  const inputField = isAlpaca ? fields.find((field) => field === 'input') : undefined
  const systemField = fields.find((field) => field.toLowerCase() === 'system')
  const historyField = isAlpaca ? fields.find((field) => field === 'history') : undefined
  return {
    name: isAlpaca ? 'Alpaca' : 'one exchange a record',
    sure: isAlpaca ? 0.98 : 0.75,
    mapping: {
      shape: 'exchange',
      instructionField,
      outputField,
      ...(inputField === undefined ? {} : { inputField }),
      ...(systemField === undefined ? {} : { systemField }),
      ...(historyField === undefined ? {} : { historyField }),
    },
    evidence: [
      {
        question: 'shape',
        answer: isAlpaca ? 'Alpaca' : 'one exchange a record',
        because: `${instructionField} and ${outputField} hold text in ${records.length} of ${records.length} sampled records`,
        sure: isAlpaca ? 0.98 : 0.75,
      },
      {
        question: 'roles',
        answer: `${instructionField} is user, ${outputField} is assistant`,
        because: 'by the names of the fields',
        sure: 0.98,
      },
    ],
  }
}

function detectMarkup(records: readonly JsonObject[]): Shape | undefined {
  for (const textField of Object.keys(records[0] ?? {})) {
    for (const [markup, name, pattern] of [
      ['chatml', 'ChatML text', /^\s*<\|im_start\|>\w+/],
      ['vicuna', 'Vicuna text', /(?:^|\s)USER:[\s\S]*ASSISTANT:/],
    ] as const) {
      const fitting = share(records, textField, (value) => typeof value === 'string' && pattern.test(value))
      if (fitting < 0.8) continue
      return {
        name,
        sure: fitting,
        mapping: { shape: 'text', textField, markup },
        evidence: [
          {
            question: 'shape',
            answer: name,
            because: `${textField} holds its markers in ${percent(fitting)} of ${records.length} sampled records`,
            sure: fitting,
          },
        ],
      }
    }
  }
  return undefined
}

const nothing = (sample: readonly Json[]): Shape => ({
  name: 'no conversation recognised',
  sure: 0,
  mapping: { shape: 'none' },
  evidence: [
    {
      question: 'shape',
      answer: 'no conversation recognised',
      because: `none of ${sample.length} sampled records holds turns, an exchange, or a speaker beside a text`,
      sure: 0,
    },
  ],
})
