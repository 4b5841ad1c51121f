import type { JsonObject } from '../../json.ts'
import type { Located, Mistakes } from './located.ts'

/** What kinds of things are named in a flow and referred to by name. */
export type NameKind = 'process' | 'health check' | 'contact' | 'alert' | 'maintenance'

export interface NameUse {
  readonly kind: NameKind
  readonly name: string
  readonly node: Located
}

/** What the reading of a file gathers besides values. */
export interface Reading {
  readonly mistakes: Mistakes
  readonly definitions: NameUse[]
  readonly references: NameUse[]
}

/**
 * One kind of value: how it is read, and how editors and people are told of it. Reader, JSON Schema and
 * docs/flows.md all come from here.
 */
export interface Shape<T> {
  /** undefined: a mistake was noted. */
  read(node: Located, reading: Reading): T | undefined
  readonly schema: JsonObject
  /** What to write, for people: “duration”, “list of text”. */
  readonly words: string
  /** The keys, where it is a group of them: for the document. */
  readonly keys?: Keys
}

export type ShapeValue<S> = S extends Shape<infer T> ? T : never

export interface Key<T = unknown> {
  readonly shape: Shape<T>
  readonly doc: string
  readonly required: boolean
  /** As it would be written in the file. */
  readonly fallback?: string | number | boolean | readonly string[]
}

export type Keys = Readonly<Record<string, Key>>
interface Always<T> extends Key<T> {
  readonly always: true
}
export type KeyValues<K extends Keys> = {
  readonly [Name in keyof K]: K[Name] extends Always<infer T>
    ? T
    : K[Name] extends Key<infer T>
      ? T | undefined
      : never
}

export const optional = <T>(shape: Shape<T>, doc: string): Key<T> => ({ shape, doc, required: false })

export const required = <T>(shape: Shape<T>, doc: string): Always<T> => ({
  shape,
  doc,
  required: true,
  always: true,
})

/** @param fallback the default, as it would be written in the file */
export const defaulted = <T>(
  shape: Shape<T>,
  doc: string,
  fallback: string | number | boolean | readonly string[],
): Always<T> => ({ shape, doc, required: false, fallback, always: true })
