import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { standInVariables } from '../../src/domain/flows/configuration/own-variables.ts'
import { readFlow } from '../../src/domain/flows/configuration/read-flow.ts'
import { runCommand } from '../support/command.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const patiently = { timeout: 40_000, interval: 100 }

let data: string
let taken: Server
let demo: ChildProcess | undefined
const entry = `${root}dist/cli/demo-flow.js`
const takenPort = () => z.object({ port: z.number() }).parse(taken.address()).port
const environment = () => ({ SIGNALBOX_DATA: data })
const command = (...args: string[]) => runCommand('cli/demo-flow.js', args, environment())
const parserPid = () => Number(readFileSync(join(data, 'demo', 'run', 'parse.pid'), 'utf8'))
const flowFile = () => join(data, 'flows', 'helicopter-rdf.yaml')

beforeAll(async () => {
  data = await temporaryFolder('demo-command')
  taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
})
afterAll(async () => {
  demo?.kill('SIGKILL')
  taken.close()
  // Stops the embedded server, which a killed demo leaves to the next one.
  await command('clean')
  await rm(data, { recursive: true, force: true })
})

/** Starts the demo and answers what it printed until it runs. */
async function start(): Promise<string> {
  const child = spawn(
    process.execPath,
    [entry, '--portal', 'http://127.0.0.1:9', '--ports', `0,${takenPort()},0,0`],
    {
      cwd: root,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, ...environment() },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  demo = child
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk
    })
  }
  await vi.waitFor(() => expect(said).toContain('Break it:'), patiently)
  return said
}

const isRunning = (pid: number) => {
  try {
    process.kill(pid, 0)
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

describe('npm run demo:flow', () => {
  test('starts the simulator and switches the flow on, around a port that is taken', async () => {
    const said = await start()
    expect(said).toContain('http://127.0.0.1:9/board/helicopter-rdf')
    expect(said).toMatch(
      new RegExp(
        `demo: port ${takenPort()} is taken, so the server “spark” answers at http://127\\.0\\.0\\.1:\\d+`,
      ),
    )
    expect(said.match(/is taken/g)).toHaveLength(1)
    const { flow, mistakes } = readFlow(readFileSync(flowFile(), 'utf8'), 'f', standInVariables)
    expect(mistakes.filter(({ severity }) => severity === 'error')).toEqual([])
    expect(flow?.processes).toHaveLength(8)
    expect(flow?.checks.find(({ id }) => id === 'unzip_backlog')?.parameters).toMatchObject({
      glob: `${data}/demo/incoming/*.zip`,
    })
    await vi.waitFor(() => expect(readdirSync(join(data, 'demo', 'loaded'))).not.toEqual([]), patiently)
  })
  test('runs once in a folder', async () => {
    expect(await command()).toMatchObject({ code: 1, stderr: expect.stringContaining('runs already') })
  })
  test('breaks and mends a process of the running one, and says what is broken', async () => {
    expect(await command('status')).toMatchObject({ code: 0, stdout: 'Nothing is broken.\n' })
    const parser = parserPid()
    expect(isRunning(parser)).toBe(true)
    expect((await command('break', 'parse')).stdout).toMatch(/^Broken: parse\./)
    expect(isRunning(parser)).toBe(false)
    expect((await command('break', 'unzip')).stdout).toMatch(/^Broken: unzip, parse\./)
    expect((await command('mend', 'unzip')).stdout).toMatch(/^Broken: parse\./)
    expect((await command('mend')).stdout).toBe('Nothing is broken.\n')
    expect(isRunning(parserPid())).toBe(true)
  })
  test('refuses a process that is none, and names those that are', async () => {
    expect(await command('break', 'unzipp')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('download, unzip, parse'),
    })
  })
  test.each(['4010', '1,2,3,four', '1,2,3,65536', '1,2,3,4,5'])(
    'refuses ports that are none: %s',
    async (ports) => {
      expect(await command('--ports', ports)).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('--ports is a list of four'),
      })
    },
  )
  test('clean waits until it is stopped', async () => {
    expect(await command('clean')).toMatchObject({ code: 1, stderr: expect.stringContaining('Ctrl-C') })
  })
  test('its control file is for its owner', async () => {
    const { mode } = await import('node:fs/promises').then(({ stat }) =>
      stat(join(data, 'demo', 'run', 'control.json')),
    )
    expect(mode & 0o777).toBe(0o600)
  })
  test('Ctrl-C ends it and its parser, and switches the flow off', async () => {
    const parser = parserPid()
    const ended = demo === undefined ? [] : once(demo, 'exit')
    demo?.kill('SIGINT')
    expect((await ended)[0]).toBe(0)
    expect(existsSync(flowFile())).toBe(false)
    expect(isRunning(parser)).toBe(false)
    expect(await command('break', 'unzip')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('No demo runs here'),
    })
  })
  test('a parser ends with a killed simulator too, and the next start goes on', async () => {
    await start()
    const parser = parserPid()
    demo?.kill('SIGKILL')
    await vi.waitFor(() => expect(isRunning(parser)).toBe(false), patiently)
    await start()
    expect(isRunning(parserPid())).toBe(true)
    const ended = demo === undefined ? [] : once(demo, 'exit')
    demo?.kill('SIGTERM')
    await ended
  })
  test('clean removes its files and nothing else of the data folder', async () => {
    await mkdir(join(data, 'flows'), { recursive: true })
    await writeFile(join(data, 'flows', 'mine.yaml'), '')
    expect(await command('clean')).toMatchObject({ code: 0, stdout: expect.stringContaining('is gone') })
    expect(existsSync(join(data, 'demo'))).toBe(false)
    expect(readdirSync(join(data, 'flows'))).toEqual(['mine.yaml'])
  })
})
