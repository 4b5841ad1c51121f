import { z } from 'zod'

/** Control characters, and those that turn the direction of writing: a name could pose as another, or as two lines. */
const deceiving = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

/** What a person is called, on pages and in lists. @param missing what to say when there is none */
export const personName = (missing: string) =>
  z
    .string()
    .trim()
    .min(1, missing)
    .max(100, 'The name may have at most 100 characters.')
    .refine((name) => !deceiving.test(name), 'The name holds characters that cannot be seen. Type it again.')
