// The built portal in a process of its own, and a browser to look at it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { chromium } from 'playwright'

/**
 * Starts the portal on a data folder below `folder`, and waits for what it says when it is ready.
 * @param environment further settings
 * @returns its address, the link to set it up, and what ends it
 */
export async function startPortal(folder, environment) {
  const child = spawn(process.execPath, ['--max-semi-space-size=8', 'dist/main.js'], {
    env: {
      ...process.env,
      SIGNALBOX_DATA: join(folder, 'var'),
      SIGNALBOX_SECOND_FACTOR: 'optional',
      PORT: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  await new Promise((resolve, reject) => {
    child.once('exit', () => reject(new Error('the portal ended')))
    child.stdout.on('data', (chunk) => {
      said += chunk
      if (said.includes('Signalbox is ready')) resolve()
    })
  })
  return {
    url: /ready at (\S+)/.exec(said)[1],
    link: /http\S+\/set-up\S+/.exec(said)[0],
    async stop() {
      if (child.exitCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGTERM')
      await ended
    },
  }
}

export const openBrowser = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  })
