import { expect, test } from 'vitest'
import { isNoRoom } from '../../../src/domain/system/disk-space.ts'

const failed = (code: string, cause?: unknown) => Object.assign(new Error('write', { cause }), { code })

test.each(['ENOSPC', 'EDQUOT', '53100'])(
  '%s says that there is no room, also as the cause of another',
  (code) => {
    expect(isNoRoom(failed(code))).toBe(true)
    expect(isNoRoom(new Error('the upload failed', { cause: failed(code) }))).toBe(true)
  },
)

test.each([undefined, 'ENOSPC', failed('EACCES'), new Error('ENOSPC')])('anything else does not', (error) => {
  expect(isNoRoom(error)).toBe(false)
})
