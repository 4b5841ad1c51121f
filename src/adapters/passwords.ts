import { type Algorithm, hash, verify } from '@node-rs/argon2'
import type { Passwords } from '../domain/auth/sign-in.ts'

/** Argon2id at the least cost that OWASP's password storage page names. */
const cost = { algorithm: 2 satisfies Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Password hashing; an account that does not exist costs as much as one that does. */
export function argon2Passwords(): Passwords {
  let decoy: Promise<string> | undefined
  return {
    hash: (password) => hash(password, cost),
    async verify(stored, password) {
      decoy ??= hash('nobody has this password', cost)
      const against = stored?.startsWith('$argon2id$') ? stored : await decoy
      const matches = await verify(against, password)
      return matches && against === stored
    },
  }
}
