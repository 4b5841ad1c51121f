// Budgets as ratios in one run, the bare limit measured beside each (design section 7). Two rows: the upload of
// 100 MB through the vault, and a whole conversion-only run on one core.
import { spawnSync } from 'node:child_process'
import { createCipheriv, createHash, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zstdCompressSync } from 'node:zlib'
import busboy from 'busboy'
import { openLocalVault } from '../dist/adapters/local-vault.js'
import { standardize } from '../dist/domain/conversations/standardize.js'
import { targetTemplates } from '../dist/domain/formats/targets/index.js'

const folder = mkdtempSync(join(tmpdir(), 'signalbox-bench-'))
const seconds = (from) => (performance.now() - from) / 1000

/** Seal, write, fsync: what durability demands of one object. */
function bareWrite(path, bytes, key) {
  const file = openSync(path, 'wx')
  for (let at = 0; at < bytes.length || at === 0; at += 262_112) {
    const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12), { authTagLength: 16 })
    const sealed = cipher.update(bytes.subarray(at, at + 262_112))
    cipher.final()
    writeSync(file, sealed)
    writeSync(file, cipher.getAuthTag())
  }
  fsyncSync(file)
  closeSync(file)
}

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

function conversion() {
  const count = 20_000
  const words = 'the week was long and I kept thinking about what you said last time '
  const lines = Array.from({ length: count }, (_, at) =>
    JSON.stringify({
      conversations: Array.from({ length: 8 }, (_, turn) => ({
        from: turn % 2 === 0 ? 'human' : 'gpt',
        value: `${at}.${turn} ${words.repeat(3)}`,
      })),
    }),
  )
  const source = Buffer.from(lines.join('\n'))
  const path = join(folder, 'talks.jsonl')
  writeFileSync(path, source)
  const mapping = {
    shape: 'turns',
    turnsField: 'conversations',
    roleField: 'from',
    textField: 'value',
    roles: { human: 'user', gpt: 'assistant' },
  }
  const key = randomBytes(32)
  const started = performance.now()
  const exported = []
  for (let at = 0; at < count; at += 2_000) {
    const made = lines.slice(at, at + 2_000).map((line) => standardize(JSON.parse(line), mapping))
    const stored = zstdCompressSync(Buffer.from(made.map((record) => JSON.stringify(record)).join('\n')))
    bareWrite(join(folder, `shard.${at}`), stored, key)
    exported.push(
      Buffer.from(
        made.map((record) => JSON.stringify(targetTemplates.chatml.render(record).value)).join('\n'),
      ),
    )
  }
  bareWrite(join(folder, 'export'), Buffer.concat(exported), key)
  const bare = seconds(started)
  const run = spawnSync(
    'taskset',
    ['-c', '0', process.execPath, 'dist/cli/pipeline.js', path, '--checks', 'none', '--report', 'json'],
    {
      env: { ...process.env, SIGNALBOX_DATA: join(folder, 'var'), SIGNALBOX_WORKERS: '1' },
      encoding: 'utf8',
    },
  )
  const result = JSON.parse(run.stdout)
  const rate = Math.round(count / result.seconds)
  report(
    'conversion only, one core',
    `${rate.toLocaleString('en')} conversations/s against ${Math.round(count / bare).toLocaleString('en')} bare`,
    bare / result.seconds,
    '>=',
    0.6,
  )
  const checked = spawnSync(
    'taskset',
    ['-c', '0', process.execPath, 'dist/cli/pipeline.js', path, '--report', 'json'],
    {
      env: { ...process.env, SIGNALBOX_DATA: join(folder, 'var'), SIGNALBOX_WORKERS: '1' },
      encoding: 'utf8',
    },
  )
  const all = JSON.parse(checked.stdout)
  report(
    'all checks on, one core',
    `${Math.round(count / all.seconds)} conversations/s`,
    count / all.seconds,
    '>=',
    5_000,
  )
}

function report(what, measured, value, sign, budget) {
  const kept = sign === '<=' ? value <= budget : value >= budget
  console.log(`${kept ? 'kept  ' : 'BROKEN'}  ${what}: ${measured}; ${value.toFixed(2)} ${sign} ${budget}`)
  if (!kept) process.exitCode = 1
}

try {
  await upload()
  conversion()
} finally {
  rmSync(folder, { recursive: true, force: true })
}
