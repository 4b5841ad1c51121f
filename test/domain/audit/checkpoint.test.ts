import { describe, expect, test } from 'vitest'
import {
  openCheckpoint,
  openNote,
  readSignerKey,
  readVerifierKey,
  signCheckpoint,
  signerKey,
  signNote,
} from '../../../src/domain/audit/checkpoint.ts'

// The example of Go's golang.org/x/mod/sumdb/note.
const goSigner = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'
const goVerifier = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const goNote = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`

const signer = must(readSignerKey(signerKey('signalbox/audit/test', Buffer.alloc(32, 7))))
const verifier = must(readVerifierKey(signer.verifierKey))
const checkpoint = {
  origin: signer.name,
  size: 1234,
  root: Buffer.alloc(32, 9),
  at: new Date('2026-11-21T11:31:45.000Z'),
}

describe('signed notes', () => {
  test('are byte for byte those of the reference implementation', async () => {
    const go = must(readSignerKey(goSigner))
    expect(go.verifierKey).toBe(goVerifier)
    const text = goNote.slice(0, goNote.indexOf('\n\n') + 1)
    expect(signNote(go, text)).toBe(goNote)
    expect(await openNote(must(readVerifierKey(goVerifier)), goNote)).toBe(text)
  })

  test('pass over signatures of others', async () => {
    const note = signCheckpoint(signer, checkpoint)
    const both = note.replace('\n\n', '\n\n— witness/one AAAAAAAA\n')
    expect(await openCheckpoint(verifier, both)).toEqual(checkpoint)
  })
})

describe('a checkpoint', () => {
  test('comes back as it was signed', async () => {
    const note = signCheckpoint(signer, checkpoint)
    expect(note.split('\n').slice(0, 5)).toEqual([
      'signalbox/audit/test',
      '1234',
      'CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=',
      'at 2026-11-21T11:31:45.000Z',
      '',
    ])
    expect(await openCheckpoint(verifier, note)).toEqual(checkpoint)
  })

  test.each([
    ['another size', (note: string) => note.replace('1234', '1235')],
    ['another root', (note: string) => note.replace('CQkJ', 'CQkK')],
    ['another time', (note: string) => note.replace('11:31', '11:32')],
    ['no signature', (note: string) => note.slice(0, note.indexOf('—'))],
    ['a signature cut short', (note: string) => `${note.slice(0, -9)}\n`],
    ['an empty signature', (note: string) => note.replace(/(— \S+ \S{5}).*/, '$1A==')],
    ['an added line', (note: string) => note.replace('\n\n', '\nmore\n\n')],
  ])('does not open with %s', async (_, change) => {
    const note = signCheckpoint(signer, checkpoint)
    expect(change(note)).not.toBe(note)
    expect(await openCheckpoint(verifier, change(note))).toBeUndefined()
  })

  test('does not open with another key, nor under another origin', async () => {
    const other = must(readSignerKey(signerKey('signalbox/audit/test', Buffer.alloc(32, 8))))
    expect(await openCheckpoint(verifier, signCheckpoint(other, checkpoint))).toBeUndefined()
    expect(
      await openCheckpoint(verifier, signCheckpoint(signer, { ...checkpoint, origin: 'other' })),
    ).toBeUndefined()
  })

  test('keys whose hash is not their own are no keys', () => {
    expect(readVerifierKey(goVerifier.replace('PeterNeumann', 'PeterNewmann'))).toBeUndefined()
    expect(readSignerKey(goSigner.replace('c74f20a3', 'c74f20a4'))).toBeUndefined()
    expect(readVerifierKey('')).toBeUndefined()
  })
})

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('not understood')
  return value
}
