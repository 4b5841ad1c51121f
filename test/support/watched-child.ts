import { z } from 'zod'
import { serveJobs } from '../../src/adapters/watched-processes.ts'

const Job = z.strictObject({ deed: z.string(), text: z.string().optional() })

/** Does what it is told, also what it should not. */
serveJobs(async (asked, settings, channel) => {
  const { deed, text } = Job.parse(asked)
  switch (deed) {
    case 'echo':
      return { text, settings, pid: process.pid, environment: Object.keys(process.env) }
    case 'ask': {
      const answer = new Promise((resolve) => channel.onReply(resolve))
      channel.say('what next?')
      return answer
    }
    case 'throw':
      throw new Error('a sentence of its own')
    case 'buffers': {
      const held: Buffer[] = []
      for (;;) {
        held.push(Buffer.alloc(8 * 1024 * 1024, 1))
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    case 'heap': {
      const held: unknown[] = []
      for (;;) held.push(new Array(100_000).fill(held.length))
    }
    case 'spin':
      for (;;);
    case 'exit':
      process.exit(3)
  }
  return undefined
})
