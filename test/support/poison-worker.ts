import type { Check } from '../../src/domain/quality/check.ts'
import { checks } from '../../src/domain/quality/registry.ts'

/** A check of the worker threads of tests: what a record says, it does to the thread that reads it. */
const poison: Check = {
  name: 'structure',
  title: 'Poison',
  version: 1,
  rules: [],
  cap: 0,
  inspect({ messages }) {
    const text = messages[0]?.content ?? ''
    if (text.startsWith('poison: throw')) throw new Error('a record made this check fail')
    if (text.startsWith('poison: exit')) process.exit(7)
    if (text.startsWith('poison: never')) for (;;);
    if (text.startsWith('poison: allocate')) {
      const held: number[][] = []
      for (;;) held.push(new Array(100_000).fill(held.length))
    }
    return []
  },
}
;(checks as Check[])[0] = poison

export { default } from '../../src/jobs/shard-worker.ts'
