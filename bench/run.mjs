// Budgets as ratios in one run, the bare limit measured beside each (design section 7): the upload of 100 MB through
// the vault, whole runs of 20,000 and 100,000 conversations, each the best of two, memory over a file of gigabytes (`npm run
// bench -- memory 5` for five), and what bench/engine.mjs measures.
import { spawnSync } from 'node:child_process'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import busboy from 'busboy'
import { openLocalVault } from '../dist/adapters/local-vault.js'
import { auditBudgets } from './audit.mjs'
import { boardRed } from './board-red.mjs'
import { boardSoak } from './board-soak.mjs'
import { engineBudgets } from './engine.mjs'
import { flowBudgets } from './flows.mjs'
import { machineBudgets } from './machine.mjs'
import { memoryBudget } from './memory.mjs'
import { signInBudgets } from './sign-in.mjs'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
const seconds = (from) => (performance.now() - from) / 1000

const megabytes = 100
const payload = Buffer.concat(Array.from({ length: megabytes }, () => randomBytes(1024 * 1024)))

/** Posts the payload as a form to a server whose `consume` takes the file; answers the seconds until it is durable. */
async function post(consume) {
  const server = createServer((incoming, outgoing) => {
    const form = busboy({ headers: incoming.headers })
    form.on('file', (_field, file) => {
      consume(file).then(() => outgoing.end('done'))
    })
    incoming.pipe(form)
  })
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve))
  const started = performance.now()
  await new Promise((resolve, reject) => {
    const sending = request(
      {
        port: server.address().port,
        host: '127.0.0.1',
        method: 'POST',
        headers: { 'content-type': 'multipart/form-data; boundary=bench' },
      },
      (answer) => answer.resume().on('end', resolve),
    )
    sending.on('error', reject)
    sending.write('--bench\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n')
    sending.write(payload)
    sending.end('\r\n--bench--\r\n')
  })
  const took = seconds(started)
  server.close()
  return took
}

async function upload() {
  const vault = await openLocalVault({
    keysFolder: join(folder, 'keys'),
    objectsFolder: join(folder, 'vault'),
  })
  await vault.createKey('ds_bench')
  const key = randomBytes(32)
  const bare = []
  const ours = []
  for (let round = 0; round < 3; round++) {
    bare.push(
      await post(async (file) => {
        const hash = createHash('sha256')
        const out = openSync(join(folder, `bare.${round}`), 'wx')
        for await (const chunk of file) {
          hash.update(chunk)
          const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12), { authTagLength: 16 })
          writeSync(out, cipher.update(chunk))
          cipher.final()
          writeSync(out, cipher.getAuthTag())
        }
        hash.digest('hex')
        fsyncSync(out)
        closeSync(out)
      }),
    )
    ours.push(
      await post((file) => vault.write({ owner: 'ds_bench', id: `file_${round}`, kind: 'source' }, file)),
    )
  }
  const [least, most] = [Math.min(...bare), Math.min(...ours)]
  report('upload 100 MB', `${most.toFixed(2)} s against ${least.toFixed(2)} s bare`, most / least, '<=', 1.5)
}

/** Conversations of about 1.9 KB as JSON Lines. */
function talks(count) {
  const words = 'the week was long and I kept thinking about what you said last time '
  return Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      conversations: Array.from({ length: 8 }, (_, turn) => ({
        from: turn % 2 === 0 ? 'human' : 'gpt',
        value: `${at}.${turn} ${words.repeat(3)}`,
      })),
    }),
  ).join('\n')
}

/** The better of two whole runs. */
const wholeRun = (...given) => Math.min(oneRun(...given), oneRun(...given))

/** A whole run by command on the cores of `taskset`; the report's seconds, from accepted to completed. */
const oneRun = (path, cores, ...more) => command([], path, cores, ...more)

/** The same with a tenth of the checkpoints. */
const withFewCheckpoints = (path, cores, ...more) =>
  command(['--import', join(import.meta.dirname, 'large-shards.mjs')], path, cores, ...more)

function command(flags, path, cores, ...more) {
  const run = spawnSync(
    'taskset',
    [
      '-c',
      cores,
      process.execPath,
      ...flags,
      '--max-semi-space-size=8',
      'dist/cli/pipeline.js',
      path,
      '--discard',
      '--report',
      'json',
      ...more,
    ],
    {
      env: {
        ...process.env,
        SIGNALBOX_DATA: join(folder, 'var'),
        SIGNALBOX_WORKERS: String(cores.split(',').length),
      },
      encoding: 'utf8',
    },
  )
  return JSON.parse(run.stdout).seconds
}

/** The bare loop on one core; its seconds. */
function bareLoop(path) {
  const own = mkdtempSync(join(folder, 'bare-'))
  const loop = spawnSync('taskset', ['-c', '0', process.execPath, 'bench/bare-conversion.mjs', path, own], {
    encoding: 'utf8',
  })
  rmSync(own, { recursive: true })
  return Number(loop.stdout)
}

const rate = (count, took) => `${Math.round(count / took).toLocaleString('en')}/s`

function conversion(count) {
  const path = join(folder, `talks-${count}.jsonl`)
  writeFileSync(path, talks(count))
  const bare = Math.min(bareLoop(path), bareLoop(path))
  const converted = wholeRun(path, '0', '--checks', 'none')
  report(
    `conversion only, one core, ${count.toLocaleString('en')} conversations`,
    `${rate(count, converted)} against ${rate(count, bare)} bare`,
    bare / converted,
    '>=',
    0.6,
  )
  const checked = wholeRun(path, '0')
  report(
    `all checks on, one core, ${count.toLocaleString('en')} conversations`,
    rate(count, checked),
    count / checked,
    '>=',
    5_000,
  )
  // Short runs are as much stages following each other as work: the budget is for those worth waiting for.
  if (count < 100_000) return
  const pairs = Array.from({ length: 3 }, () => [
    oneRun(path, '0', '--checks', 'none'),
    withFewCheckpoints(path, '0', '--checks', 'none'),
  ])
  const [usual, few] = [0, 1].map((which) => Math.min(...pairs.map((pair) => pair[which])))
  report(
    `checkpoints: the same run against one with a tenth of them, best of three`,
    `${usual.toFixed(2)} s against ${few.toFixed(2)} s`,
    usual / few,
    '<=',
    1.05,
  )
  const both = wholeRun(path, '0,1')
  report(
    `second core, all checks on, ${count.toLocaleString('en')} conversations`,
    `${rate(count, both)} against ${rate(count, checked)}`,
    checked / both,
    '>=',
    1.7,
  )
}

function report(what, measured, value, sign, budget) {
  const kept = sign === '<=' ? value <= budget : value >= budget
  console.log(`${kept ? 'kept  ' : 'BROKEN'}  ${what}: ${measured}; ${value.toFixed(2)} ${sign} ${budget}`)
  if (!kept) process.exitCode = 1
}

try {
  const only = process.argv[2]
  if (only === undefined || only === 'upload') await upload()
  if (only === undefined || only === 'conversion') {
    // The first run of a data folder makes its database: not what is measured.
    writeFileSync(join(folder, 'first.jsonl'), talks(10))
    oneRun(join(folder, 'first.jsonl'), '0,1')
    if (process.argv[3] === undefined) conversion(20_000)
    conversion(100_000)
  }
  if (only === undefined || only === 'audit') {
    await auditBudgets(join(folder, 'audit'), Number(process.argv[3] ?? 1_000_000), report)
  }
  if (only === undefined || only === 'memory') {
    await memoryBudget(folder, Number(process.argv[3] ?? 1), talks, report)
  }
  if (only === undefined || only === 'sign-in') await signInBudgets(join(folder, 'sign-in'), report)
  if (only === undefined || only === 'flows') await flowBudgets(join(folder, 'flows'), report)
  if (only === undefined || only === 'machine') await machineBudgets(join(folder, 'machine'), report)
  if (only === undefined || only === 'red') await boardRed(join(folder, 'red'), report)
  if (only === undefined || only === 'board') await boardSoak(report)
  if (only === undefined || only === 'engine') await engineBudgets(join(folder, 'engine'), talks, report)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
