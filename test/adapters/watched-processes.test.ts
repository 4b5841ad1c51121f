import { afterEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { type ProcessLimits, WatchedProcesses } from '../../src/adapters/watched-processes.ts'

const module = new URL('../support/watched-child.ts', import.meta.url)
const limits: ProcessLimits = { residentBytes: 400 * 1024 * 1024, heapMebibytes: 128, most: 1 }
const Echo = z.object({
  text: z.string(),
  settings: z.unknown(),
  pid: z.number(),
  environment: z.array(z.string()),
})

let processes: WatchedProcesses | undefined
const watched = (more: Partial<ProcessLimits> = {}) => {
  processes = new WatchedProcesses(module, { folder: 'somewhere' }, { ...limits, ...more })
  return processes
}
afterEach(() => processes?.stop())

const echo = async (of: WatchedProcesses, text: string) => Echo.parse(await of.run({ deed: 'echo', text }))

/** Signal 0 asks whether it lives. */
const lives = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe('a job in a process of its own', () => {
  test('is answered, with the settings, and the next one by the same process', async () => {
    const own = watched()
    const first = await echo(own, 'one')
    expect(first).toMatchObject({ text: 'one', settings: { folder: 'somewhere' } })
    expect(await echo(own, 'two')).toMatchObject({ text: 'two', pid: first.pid })
  })

  test('sees nothing of our environment', async () => {
    process.env.SIGNALBOX_SECRET_OF_THIS_TEST = 'secret'
    const { environment } = await echo(watched(), 'one').finally(() => {
      delete process.env.SIGNALBOX_SECRET_OF_THIS_TEST
    })
    expect(environment).not.toContain('SIGNALBOX_SECRET_OF_THIS_TEST')
  })

  test('may ask on its way and gets an answer', async () => {
    const answer = watched().run(
      { deed: 'ask' },
      { onMessage: (question, reply) => reply(`${question} go on`) },
    )
    expect(await answer).toBe('what next? go on')
  })

  test('that throws says its sentence, and its process goes on', async () => {
    const own = watched()
    const { pid } = await echo(own, 'one')
    await expect(own.run({ deed: 'throw' })).rejects.toThrow('a sentence of its own')
    expect((await echo(own, 'two')).pid).toBe(pid)
  })

  test('waits while as many as may are busy', async () => {
    const own = watched({ most: 2 })
    const answers = await Promise.all(['1', '2', '3', '4', '5'].map((text) => echo(own, text)))
    expect(answers.map(({ text }) => text)).toEqual(['1', '2', '3', '4', '5'])
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2)
  })
})

describe('a job that would harm', () => {
  test.each([
    ['takes memory outside the heap', 'buffers', 'memory'],
    ['takes memory in the heap', 'heap', 'memory'],
    ['never returns', 'spin', 'time'],
    ['ends its process', 'exit', 'ended'],
  ])('one that %s is lost alone: the next one is answered', async (_what, deed, why) => {
    const own = watched()
    const { pid } = await echo(own, 'before')
    const timeoutMs = deed === 'spin' ? 500 : 20_000
    await expect(own.run({ deed }, { timeoutMs })).rejects.toMatchObject({ name: 'ProcessLost', why })
    await expect.poll(() => lives(pid)).toBe(false)
    expect((await echo(own, 'after')).text).toBe('after')
  })

  test('is ended when nobody wants it any more, and when all are stopped', async () => {
    const own = watched()
    const { pid } = await echo(own, 'before')
    const abort = new AbortController()
    const spinning = own.run({ deed: 'spin' }, { signal: abort.signal })
    abort.abort()
    await expect(spinning).rejects.toMatchObject({ why: 'ended' })
    await expect.poll(() => lives(pid)).toBe(false)

    const next = await echo(own, 'again')
    const last = own.run({ deed: 'spin' })
    own.stop()
    await expect(last).rejects.toMatchObject({ name: 'ProcessLost' })
    await expect.poll(() => lives(next.pid)).toBe(false)
    await expect(own.run({ deed: 'echo', text: 'late' })).rejects.toMatchObject({ why: 'ended' })
  })
})
