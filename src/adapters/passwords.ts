import { type Algorithm, hash, verify } from '@node-rs/argon2'
import { type Passwords, PasswordsBusy } from '../domain/auth/sign-in.ts'

/** Argon2id at the least cost that OWASP's password storage page names. */
const cost = { algorithm: 2 satisfies Algorithm.Argon2id, memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Half of two cores, and half of the four threads that files are read with as well. */
const usualBounds = { atOnce: 1, waiting: 64 }

/**
 * Password hashing; an account that does not exist costs as much as one that does. Only so many are worked at once and
 * only so many wait, in order: a storm of sign-ins leaves the rest of the portal its processors.
 */
export function argon2Passwords(bounds = usualBounds): Passwords {
  const inTurn = turns(bounds)
  let decoy: Promise<string> | undefined
  return {
    hash: (password) => inTurn(() => hash(password, cost)),
    verify: (stored, password) =>
      inTurn(async () => {
        decoy ??= hash('nobody has this password', cost)
        const against = stored?.startsWith('$argon2id$') ? stored : await decoy
        const matches = await verify(against, password)
        return matches && against === stored
      }),
  }
}

/** @throws PasswordsBusy when as many wait as may */
function turns({ atOnce, waiting }: typeof usualBounds) {
  const queue: (() => void)[] = []
  let working = 0
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (working < atOnce) working++
    else if (queue.length >= waiting) throw new PasswordsBusy()
    // Whoever leaves hands the place on, so `working` stays as it is.
    else await new Promise<void>((resolve) => queue.push(resolve))
    try {
      return await work()
    } finally {
      const next = queue.shift()
      if (next === undefined) working--
      else next()
    }
  }
}
