// Verifies the audit log from docs/audit-format.md alone; nothing of the project is imported.
// node second-verifier.mjs <entries.jsonl> <checkpoints> <verifier-key>: prints {outcome, seq}; exits 0, 1 or 2.
import { createHash, createPublicKey, verify } from 'node:crypto'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [entriesPath, checkpointsPath, keyPath] = process.argv.slice(2)
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()

function readKey(text) {
  const [name, hash, ...body] = text.trim().split('+')
  const bytes = Buffer.from(body.join('+'), 'base64')
  const keyHash = sha256(`${name}\n`, bytes).subarray(0, 4)
  if (bytes.length !== 33 || bytes[0] !== 1 || keyHash.toString('hex') !== hash)
    throw new Error('no verifier key')
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), bytes.subarray(1)])
  return { name, keyHash, publicKey: createPublicKey({ key: spki, format: 'der', type: 'spki' }) }
}

/** Size and root, or undefined when the key did not sign it. */
function openNote(note, key) {
  const cut = note.indexOf('\n\n')
  if (cut < 0) return undefined
  const text = note.slice(0, cut + 1)
  const isSigned = note
    .slice(cut + 2)
    .split('\n')
    .some((line) => {
      const [dash, name, body] = line.split(' ')
      if (dash !== '\u2014' || name !== key.name || body === undefined) return false
      const bytes = Buffer.from(body, 'base64')
      return (
        bytes.length === 68 &&
        bytes.subarray(0, 4).equals(key.keyHash) &&
        verify(null, Buffer.from(text), key.publicKey, bytes.subarray(4))
      )
    })
  const [origin, size, root, at, end, ...more] = text.split('\n')
  if (!isSigned || origin !== key.name || end !== '' || more.length > 0) return undefined
  if (!/^(0|[1-9]\d*)$/.test(size) || !/^at \S+Z$/.test(at)) return undefined
  const bytes = Buffer.from(root, 'base64')
  return bytes.length === 32 ? { size: Number(size), root: bytes } : undefined
}

function readCheckpoints(path, key) {
  const rootsOf = new Map()
  const found = { rootsOf, largest: undefined, isFaulty: false }
  if (!existsSync(path)) return found
  let lines = []
  for (const line of readFileSync(path, 'utf8').split('\n')) {
    if (line !== '' || !lines.at(-1)?.startsWith('\u2014 ')) {
      lines.push(line)
      continue
    }
    const checkpoint = openNote(`${lines.join('\n')}\n`, key)
    lines = []
    if (checkpoint === undefined) {
      found.isFaulty = true
      continue
    }
    const { size, root } = checkpoint
    const roots = rootsOf.get(size) ?? []
    if (!roots.some((other) => other.equals(root))) rootsOf.set(size, [...roots, root])
    if (roots.length > 0 && rootsOf.get(size).length > 1) found.isFaulty = true
    found.largest = Math.max(found.largest ?? 0, size)
  }
  return found
}

/** Roots of complete trees, largest first, that together hold the leaves so far. */
const edge = []
function addLeaf(leaf) {
  edge.push({ leaves: 1, root: leaf })
  while (edge.length > 1 && edge.at(-1).leaves === edge.at(-2).leaves) {
    const right = edge.pop()
    const left = edge.pop()
    edge.push({ leaves: left.leaves * 2, root: sha256(Buffer.of(1), left.root, right.root) })
  }
}
const treeRoot = () =>
  edge.length === 0
    ? sha256()
    : edge.map(({ root }) => root).reduceRight((right, left) => sha256(Buffer.of(1), left, right))

const members = [
  'action',
  'actorId',
  'actorKind',
  'at',
  'commitment',
  'objectId',
  'objectType',
  'outcome',
  'requestId',
  'seq',
]
const canonical = (entry) =>
  `{${members.map((name) => `${JSON.stringify(name)}:${JSON.stringify(entry[name])}`).join(',')},"v":1}`

async function judge() {
  const checkpoints = readCheckpoints(checkpointsPath, readKey(readFileSync(keyPath, 'utf8')))
  let chain = Buffer.alloc(32)
  let rows = 0
  let fits = 0
  for await (const line of createInterface({ input: createReadStream(entriesPath) })) {
    const entry = JSON.parse(line)
    const expected = rows + 1
    const tampered = (seq) => ({ outcome: 'tampered', seq })
    if (entry.seq !== expected) return tampered(Math.min(entry.seq, expected))
    if ((entry.salt === null) !== (entry.details === null)) return tampered(expected)
    if (entry.salt !== null) {
      const commitment = sha256(Buffer.from(entry.salt, 'hex'), entry.details)
      if (commitment.toString('hex') !== entry.commitment) return tampered(expected)
    }
    const leaf = sha256(Buffer.of(0), canonical(entry))
    if (leaf.toString('hex') !== entry.leaf) return tampered(expected)
    chain = sha256(chain, leaf)
    if (chain.toString('hex') !== entry.chain) return tampered(expected)
    addLeaf(leaf)
    rows = expected
    const roots = checkpoints.rootsOf.get(rows)
    if (roots === undefined) continue
    const own = treeRoot()
    if (!roots.every((root) => root.equals(own))) return tampered(fits + 1)
    fits = rows
  }
  if (checkpoints.isFaulty) return { outcome: 'tampered', seq: null }
  if (rows < (checkpoints.largest ?? 0)) return { outcome: 'incomplete', seq: rows + 1 }
  if (rows > 0 && checkpoints.largest === undefined) return { outcome: 'incomplete', seq: 1 }
  return { outcome: 'whole', seq: null }
}

const verdict = await judge()
process.stdout.write(`${JSON.stringify(verdict)}\n`)
process.exitCode = { whole: 0, tampered: 1, incomplete: 2 }[verdict.outcome]
