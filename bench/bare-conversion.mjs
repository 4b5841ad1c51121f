// The bare loop of design section 7: decrypt, cut, parse, convert, stringify, compress, encrypt, write and fsync, and
// nothing else. A process of its own, as a run is: both begin with code that was never executed. Prints its seconds.
import { createCipheriv, randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { constants, zstdCompressSync } from 'node:zlib'
import { openLocalVault } from '../dist/adapters/local-vault.js'
import { standardize } from '../dist/domain/conversations/standardize.js'
import { targetTemplates } from '../dist/domain/formats/targets/index.js'

const [sourcePath, folder] = process.argv.slice(2)
const level = { params: { [constants.ZSTD_c_compressionLevel]: 1 } }

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

const talkMapping = {
  shape: 'turns',
  turnsField: 'conversations',
  roleField: 'from',
  textField: 'value',
  roles: { human: 'user', gpt: 'assistant' },
}

const vault = await openLocalVault({
  keysFolder: join(folder, 'keys'),
  objectsFolder: join(folder, 'vault'),
})
await vault.createKey('ds_bare')
const name = { owner: 'ds_bare', id: 'file_talks', kind: 'source' }
await vault.writeBytes(name, readFileSync(sourcePath))
const key = randomBytes(32)
const started = performance.now()
const object = await vault.open(name)
const out = openSync(join(folder, 'export'), 'w')
let shard = 0
let lines = []
const store = () => {
  const made = lines.map((line) => standardize(JSON.parse(line), talkMapping))
  const stored = zstdCompressSync(made.map((record) => JSON.stringify(record)).join('\n'), level)
  bareWrite(join(folder, `shard.${shard++}`), stored, key)
  const exported = made.map((record) => JSON.stringify(targetTemplates.chatml.render(record).value))
  const cipher = createCipheriv('aes-256-gcm', key, randomBytes(12), { authTagLength: 16 })
  writeSync(out, cipher.update(exported.join('\n')))
  cipher.final()
  writeSync(out, cipher.getAuthTag())
  lines = []
}
let rest = ''
for await (const chunk of object.stream(0)) {
  const cut = (rest + Buffer.from(chunk).toString()).split('\n')
  rest = cut.pop()
  for (const line of cut) if (lines.push(line) === 4_000) store()
}
lines.push(rest)
store()
fsyncSync(out)
closeSync(out)
await object.close()
process.stdout.write(String((performance.now() - started) / 1000))
