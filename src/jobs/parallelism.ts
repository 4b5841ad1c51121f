import { freemem, totalmem } from 'node:os'

const mebibyte = 1024 * 1024
/** Past these the adaptive mode takes one shard at a time. */
const pressure = { processBytes: 420 * mebibyte, freeShare: 0.05 }

/** Whether memory is short: of this process against its budget, or of the whole machine. */
export const underPressure = (): boolean =>
  process.memoryUsage.rss() > pressure.processBytes || freemem() / totalmem() < pressure.freeShare
