// Counts the calls that make, fill, rename or remove a file, and kills this process with -9 before a given one of them.
import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'

/**
 * Before anything else imports `node:fs/promises`. Nothing is counted until `begin`.
 * @param {number} killAt which step is not come to; 0: all are
 * @param {{ cutsFiles?: boolean }} options whether a file is also cut in the middle of being filled
 */
export function killAtStep(killAt, { cutsFiles = false } = {}) {
  let isCounting = false
  let steps = 0
  const step = () => {
    if (isCounting && ++steps === killAt) process.kill(process.pid, 'SIGKILL')
  }
  for (const name of ['link', 'rename', 'unlink', 'rm', 'mkdir', 'utimes']) {
    const original = fs[name]
    fs[name] = async (...args) => {
      step()
      return original(...args)
    }
  }
  const open = fs.open
  fs.open = async (path, flags, ...rest) => {
    if (flags === 'r') return open(path, flags, ...rest)
    step()
    const file = await open(path, flags, ...rest)
    if (cutsFiles) {
      file.writeFile = async (data) => {
        const bytes = Buffer.from(data)
        const half = bytes.length >> 1
        step()
        await file.write(bytes, 0, half)
        step()
        await file.write(bytes, half)
        step()
      }
    }
    return file
  }
  syncBuiltinESMExports()
  return {
    step,
    begin() {
      isCounting = true
    },
    /** @returns how many steps there were */
    end() {
      isCounting = false
      return steps
    },
  }
}
