import { freemem, totalmem } from 'node:os'

const mebibyte = 1024 * 1024
/** Two threads stay within the 512 MiB of design section 7; past this the adaptive mode takes one shard at a time. */
const budget = { processBytes: 320 * mebibyte, threadBytes: 96 * mebibyte, freeShare: 0.05 }

/**
 * Whether memory is short: of this process against its budget, or of the whole machine.
 * @param threads that work shards in this process
 */
export const underPressure = (threads: number): boolean =>
  process.memoryUsage.rss() > budget.processBytes + threads * budget.threadBytes ||
  freemem() / totalmem() < budget.freeShare
