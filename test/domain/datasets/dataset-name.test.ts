import { describe, expect, test } from 'vitest'
import { fileNameOf, mostNameCharacters, nameOf } from '../../../src/domain/datasets/receive-file.ts'

describe('what a dataset is called', () => {
  test('stays as it was typed, slashes and all', () => {
    expect(nameOf('Intake 2025/2026')).toBe('Intake 2025/2026')
    expect(nameOf('  and/or, <b> & "quotes" \\ ')).toBe('and/or, <b> & "quotes" \\')
  })

  test('keeps the joiners that words and emoji are spelled with', () => {
    expect(nameOf('می\u200cخواهم')).toBe('می\u200cخواهم')
    expect(nameOf('👩\u200d👩\u200d👧 家族')).toBe('👩\u200d👩\u200d👧 家族')
  })

  test('loses what hides or turns the writing around', () => {
    expect(nameOf('a\u202etxt.exe\u2066\u200b\u0000b\nc')).toBe('atxt.exebc')
    expect(nameOf('\u200b \u202e')).toBe('unnamed')
  })

  test('is cut between characters, never inside one', () => {
    expect(nameOf('😀'.repeat(300))).toBe('😀'.repeat(mostNameCharacters))
  })

  test('is the last part of the path of a file that gives it', () => {
    expect(fileNameOf('C:\\exports\\march.jsonl')).toBe('march.jsonl')
    expect(fileNameOf('../../etc/passwd')).toBe('passwd')
    expect(fileNameOf('folder/')).toBe('unnamed')
  })
})
