// Runs before every npm script, on Node 20 or newer, with nothing installed yet. Installs what is missing or outdated
// and only then; with --build also compiles what changed. Speaks on stderr: stdout belongs to the script that follows.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

process.chdir(new URL('..', import.meta.url).pathname)
const hash = (text) => createHash('sha256').update(text).digest('hex')
const say = (text) => process.stderr.write(`${text}\n`)
const read = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : '')

const installed = 'node_modules/.signalbox-installed'
const wanted = hash(readFileSync('package-lock.json') + process.platform + process.arch)
if (read(installed) !== wanted || !existsSync('node_modules/.bin/tsc')) {
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

if (process.argv.includes('--build')) {
  const files = (folder) =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? files(join(folder, entry.name)) : [join(folder, entry.name)],
    )
  const stamp = hash(
    [...files('src'), 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']
      .map((path) => `${path} ${statSync(path).size} ${statSync(path).mtimeMs}`)
      .join('\n'),
  )
  if (read('dist/.stamp') !== stamp) {
    say('Building…')
    const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { stdio: ['ignore', 2, 2] })
    if (status !== 0) process.exit(1)
    writeFileSync('dist/.stamp', stamp)
  }
}
