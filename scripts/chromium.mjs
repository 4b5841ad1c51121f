// Finds a Chromium for the browser tests, or gets one: CHROMIUM_PATH, one on the machine, Debian's package (as root),
// Playwright's own. Says what it did and answers the path.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

const known = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
]

export function ensureChromium() {
  const named = process.env.CHROMIUM_PATH
  if (named) return found(named, 'named by CHROMIUM_PATH')
  const present = known.find(existsSync)
  if (present) return found(present, 'found on this machine')
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    console.log("Chromium: none found, installing Debian's package…")
    const quiet = {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }
    spawnSync('apt-get', ['update', '-qq'], quiet)
    spawnSync(
      'apt-get',
      ['install', '-y', '-qq', '--no-install-recommends', 'chromium', 'fonts-liberation'],
      quiet,
    )
    const fresh = known.find(existsSync)
    if (fresh) return found(fresh, "from Debian's package")
  }
  console.log('Chromium: none found, asking Playwright for its own…')
  spawnSync('npx', ['playwright', 'install', 'chromium'], { stdio: 'inherit' })
  return undefined
}

function found(path, how) {
  console.log(`Chromium: ${path}, ${how}`)
  return path
}
