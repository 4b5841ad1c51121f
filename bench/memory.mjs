// Memory does not grow with the input: the resident size of the whole process over a run of so many gigabytes.
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const mebibytes = (pid) =>
  Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)?.[1] ?? 0) / 1024

/** @param folder of its own; @param gigabytes of source; @param report (what, measured, value, sign, budget) */
export async function memoryBudget(folder, gigabytes, talks, report) {
  const path = join(folder, 'large.jsonl')
  const file = openSync(path, 'w')
  const block = talks(20_000)
  let conversations = 0
  // A number of its own in each block: else all after the first would be duplicates.
  for (let at = 0; statSync(path).size < gigabytes * 1e9; at++) {
    writeSync(file, `${block.replaceAll('"value":"', `"value":"${at}.`)}\n`)
    conversations += 20_000
  }
  closeSync(file)
  const run = spawn(
    process.execPath,
    ['--max-semi-space-size=8', 'dist/cli/pipeline.js', path, '--discard', '--report', 'json'],
    {
      env: { ...process.env, SIGNALBOX_DATA: join(folder, 'var'), SIGNALBOX_WORKERS: '2' },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  const sizes = []
  const timer = setInterval(() => {
    try {
      sizes.push(mebibytes(run.pid))
    } catch {
      // It ended between two looks.
    }
  }, 100)
  let printed = ''
  run.stdout.on('data', (chunk) => {
    printed += chunk
  })
  const code = await new Promise((resolve) => run.on('close', resolve))
  clearInterval(timer)
  rmSync(path)
  if (code !== 0) throw new Error(`the run of the large file ended with ${code}`)
  const { seconds } = JSON.parse(printed)
  const most = (from, to) =>
    Math.max(...sizes.slice(sizes.length * from, sizes.length * to).filter((size) => size > 0))
  const size = `${gigabytes} GB, ${conversations.toLocaleString('en')} conversations, ${Math.round(seconds)} s`
  report(`memory over ${size}: the most`, `${Math.round(most(0, 1))} MiB`, most(0, 1), '<=', 512)
  const [early, late] = [most(0.2, 0.5), most(0.5, 0.8)]
  report(
    'the same, later against earlier',
    `${Math.round(late)} against ${Math.round(early)} MiB`,
    late / early,
    '<=',
    1.25,
  )
}
