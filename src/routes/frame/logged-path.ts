import { permissions } from '../../domain/auth/permissions.ts'

/** Words of our own paths. */
const ourWords = new Set(
  Object.keys(permissions).flatMap((key) =>
    (key.split(' ')[1] ?? '').split('/').filter((segment) => !/^[:*]/.test(segment)),
  ),
)
const id = /^([a-z]{2,5}_[\da-f]{8,40}|[\da-f]{64}|\d{1,15})$/

/** After these words comes a secret: a token may be spelt like an id or a word of ours, and what follows may be one. */
const beforeSecret = new Set(
  Object.keys(permissions).flatMap((key) => {
    const segments = key.split('/')
    return segments.flatMap((segment, at) => (segment === ':token' ? [segments[at - 1] ?? ''] : []))
  }),
)

/** A path as it may be logged: our words and ids. What a person could have typed, and every token, is left out. */
export function loggedPath(path: string): string {
  let isSecret = false
  const shown = path.split('/').map((segment) => {
    const isShown = !isSecret && (ourWords.has(segment) || id.test(segment))
    isSecret ||= beforeSecret.has(segment)
    return isShown ? segment : '…'
  })
  return shown.join('/')
}
