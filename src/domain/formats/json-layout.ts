import { knownRole } from '../datasets/role-names.ts'
import { readJson } from '../json.ts'
import type { Candidate } from './layout-candidate.ts'

/** JSON or JSON Lines, from the beginning of a text; undefined for anything else. */
export function jsonLayout(text: string, encoding: string, bom: number): Candidate | undefined {
  const first = text.trimStart()[0]
  if (first !== '{' && first !== '[') return undefined
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  // The sample may cut the last line.
  const whole = lines.length > 1 ? lines.slice(0, -1) : lines
  const parsing = whole.filter(parses).length
  // Lines that are values of their own; a damaged one among them changes nothing. In JSON written over several
  // lines hardly a line parses alone.
  const isLines =
    lines.length > 1 &&
    lines[0]?.trim() !== '[' &&
    parsing > 0 &&
    parsing >= whole.length * 0.5 &&
    /^\s*[{[]/.test(whole.at(-1) ?? '')
  if (isLines) {
    const count = whole.length.toLocaleString('en')
    return {
      layout: { format: 'jsonl', encoding, bom },
      answer: 'JSON Lines',
      because: `${parsing === whole.length ? 'each' : parsing.toLocaleString('en')} of ${count} sampled lines ${parsing === whole.length ? 'is a JSON value' : 'are JSON values'}`,
      sure: Math.max(0.85, parsing / whole.length),
    }
  }
  if (first === '[') {
    return {
      layout: { format: 'json', encoding, bom, container: 'array' },
      answer: 'JSON, one array',
      because: 'begins with an array',
      sure: 1,
    }
  }
  const list = firstList.exec(text)
  const member = list?.[1]
  const isRecord = list !== null && beginsWithTurn(text.slice(list[0].length))
  if (member !== undefined && !isRecord) {
    return {
      layout: { format: 'json', encoding, bom, container: 'member', member },
      answer: 'JSON, one object with a list',
      because: `the records stand in its member ${member}`,
      sure: 0.9,
    }
  }
  return {
    layout: { format: 'json', encoding, bom, container: 'object' },
    answer: lines.length > 1 || parses(text) ? 'JSON, one object' : 'JSON Lines, one line',
    because: 'one object is one record',
    sure: 0.95,
  }
}

/** The first member that is a list of objects, behind members of plain values: a version, a name, a date. */
const firstList =
  /^\s*\{\s*(?:"(?:[^"\\]|\\.){1,100}"\s*:\s*(?:"(?:[^"\\]|\\.){0,500}"|[\w.+-]{1,40})\s*,\s*){0,20}"((?:[^"\\]|\\.){1,100})"\s*:\s*\[\s*\{/

/** Whether the list whose first object begins the text holds turns: then it is one record, not a wrapper of many. */
const beginsWithTurn = (text: string): boolean => {
  // Only what stands in the object itself: the records of a wrapper hold turns too, one level further in.
  const own = text.slice(0, 2_000).split(/[{}[\]]/)[0] ?? ''
  return [...own.matchAll(/:\s*"([^"\\]{1,40})"/g)].some(([, value]) => knownRole(value ?? '') !== undefined)
}

/** Whether it is JSON at all: a line that says a field twice is a damaged record of this format, not another format. */
const parses = (text: string): boolean => {
  const read = readJson(text)
  return 'value' in read || read.problem !== 'not-json'
}
