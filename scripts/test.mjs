// Everything: lint, types, then unit, database and browser tests. `--faults` runs the fault tests that are too long
// for that. The last line is `N passed, N failed`.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureChromium } from './chromium.mjs'

process.chdir(new URL('..', import.meta.url).pathname)
const faults = process.argv.includes('--faults')
const chromium = ensureChromium()
const env = { ...process.env, ...(chromium ? { CHROMIUM_PATH: chromium } : {}) }
let passed = 0
let failed = 0

const step = (title, command, args) => {
  const started = Date.now()
  const { status } = spawnSync(command, args, { stdio: 'inherit', env })
  console.log(
    `${title}: ${status === 0 ? 'passed' : 'failed'} in ${((Date.now() - started) / 1000).toFixed(1)} s`,
  )
  return status === 0
}
const count = (ok) => {
  if (ok) passed++
  else failed++
}

if (!faults) {
  count(step('Lint', 'node_modules/.bin/biome', ['ci', '.']))
  count(step('Types', 'node_modules/.bin/tsc', ['--noEmit']))
}
count(step('Build', process.execPath, ['scripts/bootstrap.mjs', '--build']))

const folder = mkdtempSync(join(tmpdir(), 'signalbox-test-'))
const report = join(folder, 'report.json')
const projects = (faults ? ['faults'] : ['unit', 'db', 'e2e']).flatMap((name) => ['--project', name])
const ok = step('Tests', 'node_modules/.bin/vitest', [
  'run',
  ...projects,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
])
try {
  const results = JSON.parse(readFileSync(report, 'utf8'))
  passed += results.numPassedTests
  failed += results.numFailedTests
  // A file that did not even load has no tests to count.
  if (!ok && results.numFailedTests === 0) failed++
} catch {
  failed++
}
rmSync(folder, { recursive: true, force: true })
console.log(`${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
