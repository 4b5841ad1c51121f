/** How long is waited for what certainly comes: vitest's own second is over when the machine stands still for one. */
export const patiently = { timeout: 30_000 } as const
