/** The value that a share of them does not exceed, 0 to 1. */
export const percentile = (values, share) =>
  values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]

/** Prints what was measured, of a benchmark that is run alone. */
export const printed = (what, measured, value, sign, budget) =>
  console.log(`${what}: ${measured} (${value.toFixed(2)} ${sign} ${budget})`)
