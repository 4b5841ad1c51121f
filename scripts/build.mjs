// Compiles src to dist. Into a folder beside it first, so that a build that fails leaves the old one whole.
import { spawnSync } from 'node:child_process'
import { renameSync, rmSync } from 'node:fs'

process.chdir(new URL('..', import.meta.url).pathname)
const fresh = `dist.${process.pid}.new`
rmSync(fresh, { recursive: true, force: true })
const { status } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.build.json', '--outDir', fresh], {
  stdio: ['ignore', 2, 2],
})
if (status !== 0) {
  rmSync(fresh, { recursive: true, force: true })
  process.exit(1)
}
rmSync('dist', { recursive: true, force: true })
renameSync(fresh, 'dist')
