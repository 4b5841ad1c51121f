/** An exact decimal number: digits times ten to the power of the exponent. */
interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

/** Beyond this, scaling would make numbers of absurd length. */
const largestExponent = 400

/** Reads a decimal, hexadecimal, octal or binary number without losing digits; undefined when it is none. */
export function parseDecimal(text: string): Decimal | undefined {
  if (text.length > 500) return undefined
  const based = /^([+-]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.exec(text)
  if (based !== null) {
    const digits = BigInt(based[2] ?? '0')
    return { digits: based[1] === '-' ? -digits : digits, exponent: 0 }
  }
  const match = /^([+-]?\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text)
  if (match === null) return undefined
  const [, whole = '', fraction = '', power = '0'] = match
  const exponent = Number(power) - fraction.length
  if (Math.abs(exponent) > largestExponent) return undefined
  return { digits: BigInt(`${whole}${fraction}`), exponent }
}

/** Below, at or above zero, as a is below, at or above b. */
export function compareDecimals(a: Decimal, b: Decimal): number {
  const lowest = Math.min(a.exponent, b.exponent)
  const left = a.digits * 10n ** BigInt(a.exponent - lowest)
  const right = b.digits * 10n ** BigInt(b.exponent - lowest)
  return left < right ? -1 : left > right ? 1 : 0
}

const nanoseconds: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n,
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
  d: 86_400_000_000_000n,
  w: 604_800_000_000_000n,
}

/** A duration with units as milliseconds, exactly: `1500us` is 1.5. */
export function durationAsDecimal(text: string): Decimal | undefined {
  if (text.length > 100 || !/^-?(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d|w))+$/.test(text)) return undefined
  let total = { digits: 0n, exponent: -6 }
  for (const [, amount = '', unit = ''] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h|d|w)/g)) {
    const [whole = '', fraction = ''] = amount.split('.')
    const part = {
      digits: BigInt(whole + fraction) * (nanoseconds[unit] ?? 0n),
      exponent: -6 - fraction.length,
    }
    const lowest = Math.min(total.exponent, part.exponent)
    total = {
      digits:
        total.digits * 10n ** BigInt(total.exponent - lowest) +
        part.digits * 10n ** BigInt(part.exponent - lowest),
      exponent: lowest,
    }
  }
  return text.startsWith('-') ? { ...total, digits: -total.digits } : total
}
