import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { chmod, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOne } from '../../support/flows/run-one.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'

const folder = await temporaryFolder('check-machine')
const plugins = join(folder, 'plugins')
const tools = join(folder, 'tools')
const settings = { baseFolder: folder, pluginFolders: [plugins, join(folder, 'none')], toolFolders: [tools] }
const { run, verdict } = runOne(settings, {
  read: (token) =>
    Promise.resolve(
      token === 'known-token' ? { listeningSince: 0, lastSuccessAt: 1_000_000 } : { listeningSince: 0 },
    ),
})

async function script(path: string, body: string): Promise<void> {
  await writeFile(path, `#!/bin/sh\n${body}\n`)
  await chmod(path, 0o755)
}
const isAlive = (pid: number) => {
  try {
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return !/^[ZX]/.test(status.slice(status.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
/** Looks until it is so; the test's own limit ends it otherwise. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setImmediate(resolve))
}

beforeAll(async () => {
  await mkdir(plugins)
  await mkdir(tools)
  await script(join(plugins, 'check_ok'), `echo "DISK OK | free=20%;10;5 'two words'=3s"; echo "more"`)
  await script(join(plugins, 'check_status'), 'echo "said $1"; exit $1')
  await script(join(plugins, 'check_env'), 'echo "$(env | sort | tr "\\n" " ")"; pwd')
  await script(join(plugins, 'check_silent'), 'echo "broken" >&2; exit 3')
  await script(join(plugins, 'check_loud'), 'head -c 300000 /dev/zero | tr "\\0" x; exit 0')
  await script(join(plugins, 'check_killed'), 'kill -9 $$')
  await writeFile(join(plugins, 'check_unusable'), '#!/bin/sh\n', { mode: 0o644 })
  await writeFile(join(plugins, 'check_interpreter'), '#!/no/such/interpreter\n', { mode: 0o755 })
  await script(join(folder, 'outside'), 'echo no')
  await symlink(join(folder, 'outside'), join(plugins, 'check_link'))
  await symlink('check_ok', join(plugins, 'check_inner'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('command', () => {
  test('takes the words, the state and the performance data of a plugin', async () => {
    expect(await run('command', 'argv: [check_ok]')).toMatchObject({
      outcome: 'pass',
      message: 'DISK OK',
      value: 20,
      performance: [
        { label: 'free', value: 20, unit: '%' },
        { label: 'two words', value: 3, unit: 's' },
      ],
      evidence: [{ label: 'output', value: 'more' }],
    })
    expect(await verdict('command', `argv: ["${plugins}/check_ok"]`)).toBe('pass')
    expect(await verdict('command', 'argv: [check_inner]')).toBe('pass')
  })
  test.each([
    ['1', 'warn reported'],
    ['2', 'fail reported'],
    ['3', 'unknown reported'],
    ['4', 'unknown checker_error'],
  ])('status %s is %s', async (status, expected) => {
    expect(await verdict('command', `argv: [check_status, "${status}"]`)).toBe(expected)
  })
  test('cannot tell of one that was killed', async () => {
    expect(await verdict('command', 'argv: [check_killed]')).toBe('unknown checker_error')
  })
  test('arguments are words, never read by a shell', async () => {
    expect(
      (await run('command', 'argv: [check_status, "0; touch /tmp/never $(id) `id`"]')).message,
    ).toContain('said 0; touch /tmp/never $(id) `id`')
  })
  test('hands on nothing of our environment', async () => {
    process.env.SIGNALBOX_SECRET_OF_TEST = 'secret'
    const { message, evidence } = await run('command', 'argv: [check_env], env: {ASKED: "yes"}, cwd: plugins')
    delete process.env.SIGNALBOX_SECRET_OF_TEST
    expect(message).toContain('ASKED=yes')
    expect(message).not.toContain('secret')
    expect(message).not.toContain('HOME=')
    expect(evidence).toEqual([{ label: 'output', value: plugins }])
  })
  test('stderr speaks where stdout says nothing', async () => {
    expect((await run('command', 'argv: [check_silent]')).message).toBe('broken')
  })
  test('reads 64 KiB', async () => {
    expect((await run('command', 'argv: [check_loud]')).message).toHaveLength(64 * 1024)
  })
  test('runs only what lies in an allowed folder, links followed', async () => {
    expect(await verdict('command', 'argv: [/bin/sh, -c, "exit 0"]')).toBe('unknown permission')
    expect(await verdict('command', 'argv: [check_link]')).toBe('unknown permission')
    expect(await verdict('command', 'argv: [../outside]')).toBe('unknown permission')
    expect(await verdict('command', 'argv: [check_none]')).toBe('unknown checker_error')
    expect(await verdict('command', 'argv: [check_unusable]')).toBe('unknown permission')
    expect(await verdict('command', 'argv: [check_interpreter]')).toBe('unknown checker_error')
    expect(await verdict('command', 'argv: [check_ok], cwd: none')).toBe('unknown checker_error')
  })
  test('ends the whole group when time is over, also who does not listen', async () => {
    const pids = join(folder, 'pids')
    await script(
      join(plugins, 'check_slow'),
      `trap '' TERM; (trap '' TERM; sleep 600) & echo "$! $$" > ${pids}.new; mv ${pids}.new ${pids}; wait; sleep 600`,
    )
    const ending = new AbortController()
    const running = verdict('command', 'argv: [check_slow]', { signal: ending.signal })
    await until(() => existsSync(pids))
    const group = readFileSync(pids, 'utf8').trim().split(' ').map(Number)
    expect(group.map(isAlive)).toEqual([true, true])
    ending.abort()
    expect(await running).toBe('unknown timeout')
    await until(() => !group.some(isAlive))
  })
})

describe('command, whoever a plugin leaves behind', () => {
  const left = (name: string) => join(folder, `left-${name}`)
  beforeAll(async () => {
    await script(
      join(plugins, 'check_holds'),
      `sleep 600 & echo $! > ${left('holds')}; echo "DISK CRITICAL"; exit 2`,
    )
    await script(
      join(plugins, 'check_lets_go'),
      `sleep 600 > /dev/null 2>&1 & echo $! > ${left('lets-go')}; echo "DISK OK"`,
    )
    await script(join(plugins, 'check_late_word'), `(sleep 0.05; echo "and more") & echo "DISK OK"; exit 0`)
  })
  const pidOf = (name: string) => Number(readFileSync(left(name), 'utf8'))
  test('is not waited for, though it holds the pipes, and ends', async () => {
    expect(await run('command', 'argv: [check_holds]')).toMatchObject({
      outcome: 'fail',
      message: 'DISK CRITICAL',
    })
    await until(() => !isAlive(pidOf('holds')))
  })
  test('ends also when it holds nothing', async () => {
    expect(await verdict('command', 'argv: [check_lets_go]')).toBe('pass')
    await until(() => !isAlive(pidOf('lets-go')))
  })
  test('may finish its sentence', async () => {
    expect(await run('command', 'argv: [check_late_word]')).toMatchObject({
      evidence: [{ label: 'output', value: 'and more' }],
    })
  })
})

describe('service', () => {
  const answers = (tool: string, body: string) => script(join(tools, tool), body)
  test('cannot tell without the tool', async () => {
    expect(await run('service', 'unit: a.service')).toMatchObject({
      reason: 'checker_error',
      message: 'This machine has no systemctl to ask.',
    })
    expect((await run('service', 'container: a')).message).toBe(
      'This machine has no docker and no podman to ask.',
    )
  })
  test.each([
    ['active', 'pass'],
    ['activating', 'warn reported'],
    ['failed', 'fail reported'],
  ])('a unit that is %s', async (state, expected) => {
    await answers(
      'systemctl',
      `[ "$6" = a.service ] || exit 9; echo LoadState=loaded; echo ActiveState=${state}`.replace('$6', '$5'),
    )
    expect(await verdict('service', 'unit: a.service')).toBe(expected)
  })
  test('a unit that is not there', async () => {
    await answers('systemctl', 'echo LoadState=not-found; echo ActiveState=inactive')
    expect(await verdict('service', 'unit: a.service')).toBe('fail not_found')
  })
  test('systemd that does not answer', async () => {
    await answers('systemctl', 'echo "System has not been booted with systemd" >&2; exit 1')
    expect(await run('service', 'unit: a.service')).toMatchObject({
      outcome: 'unknown',
      reason: 'checker_error',
      message: 'systemctl could not tell. It says: System has not been booted with systemd',
    })
  })
  test.each([
    ['{"Status":"running"}', 'pass'],
    ['{"Status":"running","Health":{"Status":"starting"}}', 'warn reported'],
    ['{"Status":"running","Health":{"Status":"unhealthy"}}', 'fail reported'],
    ['{"Status":"exited","Health":{"Status":"healthy"}}', 'fail reported'],
    ['nonsense', 'unknown checker_error'],
  ])('a container whose state is %s', async (state, expected) => {
    await answers('podman', `echo '${state}'`)
    expect(await verdict('service', 'container: a')).toBe(expected)
  })
  test('a container that is not there, or that we may not ask of', async () => {
    await answers('docker', 'echo "Error: No such container: a" >&2; exit 1')
    expect(await verdict('service', 'container: a')).toBe('fail not_found')
    await answers(
      'docker',
      'echo "permission denied while trying to connect to the Docker daemon" >&2; exit 1',
    )
    expect(await verdict('service', 'container: a')).toBe('unknown permission')
  })
  test('ends the tool when time is over', async () => {
    const pid = join(folder, 'tool-pid')
    await answers('systemctl', `echo $$ > ${pid}.new; mv ${pid}.new ${pid}; exec sleep 600`)
    const ending = new AbortController()
    const running = verdict('service', 'unit: a.service', { signal: ending.signal })
    await until(() => existsSync(pid))
    const number = Number(readFileSync(pid, 'utf8'))
    ending.abort()
    expect(await running).toBe('unknown timeout')
    await until(() => !isAlive(number))
  })
})

describe('process', () => {
  const name = `sleep-${process.pid}`
  let child: ReturnType<typeof spawn>
  beforeAll(async () => {
    child = spawn('sleep', ['600'], { argv0: name, stdio: 'ignore' })
    await once(child, 'spawn')
    await writeFile(join(folder, 'one.pid'), `${child.pid}\n`)
    await writeFile(join(folder, 'bad.pid'), 'nothing')
  })
  afterAll(() => child.kill('SIGKILL'))
  const one = 'count: {fail: "1:1"}'

  test('counts by name, pattern and pidfile', async () => {
    expect(await verdict('process', `name: ${name}, ${one}`)).toBe('pass')
    expect(await verdict('process', `pattern: "${name} 600", ${one}`)).toBe('pass')
    expect(await verdict('process', `pidfile: one.pid, ${one}`)).toBe('pass')
    expect(await verdict('process', `name: ${name}, count: {warn: "2:"}`)).toBe('warn limit')
  })
  test('counts those of a user', async () => {
    const { username, uid } = userInfo()
    expect(await verdict('process', `name: ${name}, user: "${username}", ${one}`)).toBe('pass')
    expect(await verdict('process', `name: ${name}, user: "${uid + 1}", ${one}`)).toBe('fail limit')
    expect(await verdict('process', `name: ${name}, user: nobody-of-this-name, ${one}`)).toBe(
      'unknown bad_value',
    )
  })
  test('fails when none is there, or the pidfile is gone', async () => {
    expect(await verdict('process', `name: none-of-this-name, ${one}`)).toBe('fail limit')
    expect(await verdict('process', `pidfile: none.pid, ${one}`)).toBe('fail limit')
  })
  test('cannot tell of a pidfile without a number', async () => {
    expect(await verdict('process', `pidfile: bad.pid, ${one}`)).toBe('unknown bad_value')
  })
  test('one that ended does not count, though its parent has not looked yet', async () => {
    const dead = spawn('sh', ['-c', `sh -c 'exec -a x true' & exec sleep 600`], { stdio: 'ignore' })
    await once(dead, 'spawn')
    const childOf = () => {
      const children = `/proc/${dead.pid}/task/${dead.pid}/children`
      return existsSync(children) ? readFileSync(children, 'utf8').trim() : ''
    }
    await until(() => childOf() !== '' && !isAlive(Number(childOf())))
    await writeFile(join(folder, 'dead.pid'), childOf())
    expect(await verdict('process', `pidfile: dead.pid, ${one}`)).toBe('fail limit')
    dead.kill('SIGKILL')
  })
})

describe('heartbeat', () => {
  test('asks the port for the pings of its token', async () => {
    const at = { now: 1_060_000 }
    expect(await verdict('heartbeat', 'token: known-token, period: 5m', at)).toBe('pass')
    expect(await verdict('heartbeat', 'token: known-token, period: 5m', { now: 9_000_000 })).toBe(
      'fail limit',
    )
    expect(await verdict('heartbeat', 'token: other-token, period: 5h', at)).toBe('unknown no_data')
  })
})
