// Runs before every npm script, on Node 20 or newer, with nothing installed yet. Installs what is missing or outdated
// and only then; with --build also compiles what changed. Speaks on stderr: stdout belongs to the script that follows.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'

process.chdir(new URL('..', import.meta.url).pathname)
const hash = (text) => createHash('sha256').update(text).digest('hex')
const say = (text) => process.stderr.write(`${text}\n`)
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

const installed = 'node_modules/.signalbox-installed'
const wanted = hash(readFileSync('package-lock.json') + process.platform + process.arch)
const isInstalled = () => read(installed) === wanted && existsSync('node_modules/.bin/tsc')
const files = (folder) =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
  )
const stampOfSources = () =>
  hash(
    [...files('src'), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
      .map((path) => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)
      .join('\n'),
  )
const isBuilt = () => read('dist/.stamp') === stampOfSources()
const mustBuild = process.argv.includes('--build')

const lock = '.bootstrap'
const holder = join(lock, 'pid')

// Portal and workers start together after an update: the second waits for the first, instead of taking from under it
// what it has just begun to run.
if (!isInstalled() || (mustBuild && !isBuilt())) {
  takeLock()
  process.on('exit', () => rmSync(lock, { recursive: true, force: true }))
  if (!isInstalled()) install()
  if (mustBuild && !isBuilt()) build()
}

function install() {
  say('Installing packages…')
  // Not `npm ci`: it refuses the lock where a registry lacks one of the tools' packages for other platforms. This keeps
  // to the lock as well (versions and integrity) and writes neither it nor package.json.
  const { status } = spawnSync(
    'npm',
    ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'],
    {
      stdio: ['ignore', 2, 2],
    },
  )
  if (status !== 0) {
    say('The packages could not be installed: see the lines above. Is the package registry reachable?')
    process.exit(1)
  }
  writeFileSync(installed, wanted)
}

function build() {
  const stamp = stampOfSources()
  say('Building…')
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(1)
  writeFileSync('dist/.stamp', stamp)
}

function takeLock() {
  // The lock appears with its holder in it, and goes as a whole.
  const own = `${lock}-${process.pid}`
  try {
    rmSync(own, { recursive: true, force: true })
    mkdirSync(own)
    writeFileSync(join(own, 'pid'), String(process.pid))
  } catch (error) {
    say(
      `${process.cwd()} cannot be written (${error.code}). Run npm run build as who owns it, then start again.`,
    )
    process.exit(1)
  }
  for (let waited = 0; ; waited++) {
    try {
      renameSync(own, lock)
      return
    } catch (error) {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    }
    if (waited === 20)
      say(`Another process installs or builds; waiting for it. If none does, remove ${resolve(lock)}.`)
    const pid = Number(read(holder))
    // Without a pid for two seconds: the machine died before it was on disk.
    const isLeft = pid > 0 ? pid === process.pid || !lives(pid) : waited > 20
    if (isLeft) takeFromDead(pid)
    else Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
  }
}

/** One process at a time, and only while the dead one still holds it: the lock may have been left and taken meanwhile. */
function takeFromDead(pid) {
  const taking = `${lock}-taken`
  try {
    mkdirSync(taking)
  } catch {
    return
  }
  try {
    if (Number(read(holder)) === pid) rmSync(lock, { recursive: true, force: true })
  } finally {
    rmSync(taking, { recursive: true, force: true })
  }
}

function lives(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}
