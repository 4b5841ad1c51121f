import { entryOf, type Located, type LocatedMap, type Mistakes } from './located.ts'
import { nearestName } from './nearest-name.ts'

/** Named values that a file may use. */
export type Values = Readonly<Record<string, string | undefined>>

const use = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g

/** All that variables bring into a file: a few that use each other could otherwise fill the memory. */
const mostFilled = 1_048_576

interface Filling {
  readonly values: Record<string, string | undefined>
  readonly mistakes: Mistakes
  /** Characters that variables have brought so far. */
  filled: number
}

/**
 * Reads `variables`, from the environment and the variables above, and fills `${NAME}` and `${NAME:-default}` in
 * everywhere else; a variable comes before a name of the environment. `$${` is a plain `${`.
 */
export function fillVariables(root: LocatedMap, environment: Values, mistakes: Mistakes): LocatedMap {
  const filling: Filling = { values: { ...environment }, mistakes, filled: 0 }
  const declared = entryOf(root, 'variables')?.value
  if (declared?.kind === 'map') {
    for (const { key, value } of declared.entries) {
      if (value.kind !== 'scalar') {
        mistakes.error(value, 'A variable is one value: text, a number, true or false.')
        continue
      }
      const filled = fill(value, filling)
      filling.values[key] = filled.kind === 'scalar' ? String(filled.value ?? '') : ''
    }
  }
  return {
    ...root,
    entries: root.entries.map((entry) =>
      entry.value === declared ? entry : { ...entry, value: fillAll(entry.value, filling) },
    ),
  }
}

function fillAll(node: Located, filling: Filling): Located {
  if (node.kind === 'list') {
    return { ...node, items: node.items.map((item) => fillAll(item, filling)) }
  }
  if (node.kind === 'map') {
    const entries = node.entries.map((entry) => ({ ...entry, value: fillAll(entry.value, filling) }))
    return { ...node, entries }
  }
  return fill(node, filling)
}

function fill(node: Located, filling: Filling): Located {
  if (node.kind !== 'scalar' || typeof node.value !== 'string' || !node.value.includes('${')) return node
  const written = node.value
  const { values, mistakes } = filling
  let whole = true
  const value = written.replace(use, (found, name: string | undefined, fallback: string | undefined) => {
    if (found === '$${') return '${'
    if (fallback?.includes('${')) {
      mistakes.error(
        node,
        'A default holds no variable of its own. Name that one under variables, above, and use its name here.',
      )
      whole = false
      return found
    }
    if (name === undefined) {
      mistakes.error(
        node,
        `This \${ has no end. Write \${NAME} or \${NAME:-default}, or $\${ for a plain \${.`,
      )
      whole = false
      return found
    }
    const known = Object.hasOwn(values, name) ? values[name] : undefined
    // As in a shell, :- also stands in for what is empty.
    if (known !== undefined && (known !== '' || fallback === undefined)) {
      filling.filled += known.length
      if (filling.filled <= mostFilled) return known
      mistakes.error(node, 'The variables bring in more than 1 MiB of text. Use them less, or shorter ones.')
      whole = false
      return ''
    }
    if (fallback !== undefined) return fallback
    const near = nearestName(name, Object.keys(values))
    mistakes.error(
      node,
      `The variable ${name} is not set and has no default. Write \${${name}:-default}, or set it.`,
      near,
    )
    whole = false
    return ''
  })
  // What could not be filled in has been said; the text as written avoids a second mistake about the same.
  return whole ? { ...node, value, written } : { ...node, value: written, written }
}
