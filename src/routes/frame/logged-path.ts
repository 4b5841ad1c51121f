import { permissions } from '../../domain/auth/permissions.ts'

/** Words of our own paths. */
const ourWords = new Set(
  Object.keys(permissions).flatMap((key) =>
    (key.split(' ')[1] ?? '').split('/').filter((segment) => !/^[:*]/.test(segment)),
  ),
)
const id = /^([a-z]{2,5}_[\da-f]{8,40}|[\da-f]{64}|\d{1,15})$/

/** A path as it may be logged: our words and ids. What a person could have typed is left out. */
export const loggedPath = (path: string): string =>
  path
    .split('/')
    .map((segment) => (ourWords.has(segment) || id.test(segment) ? segment : '…'))
    .join('/')
