import type { Located } from './located.ts'
import { quoted } from './located.ts'
import type { Shape } from './shape.ts'

export const list = <T>(
  item: Shape<T>,
  { atLeast = 0 }: { readonly atLeast?: number } = {},
): Shape<readonly T[]> => ({
  words: `list of ${item.words}`,
  schema: { type: 'array', items: item.schema, ...(atLeast > 0 ? { minItems: atLeast } : {}) },
  ...(item.keys === undefined ? {} : { keys: item.keys }),
  read(node, reading) {
    if (node.kind !== 'list') {
      reading.mistakes.error(node, `A list is needed here, not ${quoted(node)}. Begin its lines with “- ”.`)
      return undefined
    }
    if (node.items.length < atLeast) {
      reading.mistakes.error(node, `At least ${atLeast} ${atLeast === 1 ? 'is' : 'are'} needed here.`)
      return undefined
    }
    const items = node.items.map((each) => item.read(each, reading))
    // Every item is read, so that all mistakes are said at once.
    const good = items.filter((each): each is NonNullable<typeof each> => each !== undefined)
    return good.length === items.length ? good : undefined
  },
})

/** Keys of the author's choice, such as headers. */
export const anyKeys = <T>(value: Shape<T>): Shape<Readonly<Record<string, T>>> => ({
  words: `keys of your choice with ${value.words}`,
  schema: { type: 'object', additionalProperties: value.schema },
  read(node, reading) {
    if (node.kind !== 'map') {
      reading.mistakes.error(node, `A group of keys is needed here, not ${quoted(node)}.`)
      return undefined
    }
    const entries = node.entries.map((entry) => [entry.key, value.read(entry.value, reading)] as const)
    const good = entries.filter((entry): entry is readonly [string, NonNullable<T>] => entry[1] !== undefined)
    return good.length === entries.length ? Object.fromEntries(good) : undefined
  },
})

/** One of two spellings, told apart by the form of the value. */
export const either = <A, B>(
  isFirst: (node: Located) => boolean,
  first: Shape<A>,
  second: Shape<B>,
): Shape<A | B> => ({
  words: `${first.words}, or ${second.words}`,
  schema: { anyOf: [first.schema, second.schema] },
  ...(second.keys === undefined ? {} : { keys: second.keys }),
  read: (node, reading) => (isFirst(node) ? first.read(node, reading) : second.read(node, reading)),
})

export const isScalarNode = (node: Located): boolean => node.kind === 'scalar'

/** A part that decides itself what it needs after its keys are known. */
export const checked = <T>(shape: Shape<T>, wrong: (value: T) => string | undefined): Shape<T> => ({
  ...shape,
  read(node, reading) {
    const value = shape.read(node, reading)
    const message = value === undefined ? undefined : wrong(value)
    if (message === undefined) return value
    reading.mistakes.error(node, message)
    return undefined
  },
})
