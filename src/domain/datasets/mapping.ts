import { z } from 'zod'
import { roles } from '../conversations/conversation.ts'

const Field = z.string().trim().min(1, 'Name the field.').max(200)
/** Source role name (trimmed, case-folded) to canonical role. */
const RoleNames = z.record(z.string().trim().toLowerCase().min(1).max(64), z.enum(roles))

/** Holds whom a record is about: the field of the record, or of each row or turn where the record is a list of them. */
const subjectField = Field.optional()

/** How source fields become conversations: detected with evidence, editable by a person. */
export const Mapping = z.discriminatedUnion('shape', [
  /** One record holds a list of turns: ChatML, ShareGPT, OpenAI messages, or any field and role names. */
  z.strictObject({
    shape: z.literal('turns'),
    /** Field with the list of turns; absent when the record itself is the list. */
    turnsField: Field.optional(),
    roleField: Field,
    textField: Field,
    roles: RoleNames,
    /** Consecutive turns of one role with an equal value here are one message (MIBOT's volley_number). */
    joinField: Field.optional(),
    systemField: Field.optional(),
    toolsField: Field.optional(),
    subjectField,
  }),
  /** One record is one exchange: Alpaca. */
  z.strictObject({
    shape: z.literal('exchange'),
    instructionField: Field,
    inputField: Field.optional(),
    outputField: Field,
    systemField: Field.optional(),
    historyField: Field.optional(),
    subjectField,
  }),
  /** One field holds the conversation as text: Vicuna v1.1 or ChatML markup. */
  z.strictObject({
    shape: z.literal('text'),
    textField: Field,
    markup: z.enum(['vicuna', 'chatml']),
    subjectField,
  }),
  /** One row an utterance, grouped into conversations by a key. */
  z.strictObject({
    shape: z.literal('rows'),
    keyField: Field,
    /** Rows of a group are ordered by this (numbers as numbers); absent: source order. */
    orderField: Field.optional(),
    roleField: Field,
    textField: Field,
    roles: RoleNames,
    subjectField,
  }),
  /** No conversation was recognised: every record is quarantined as `not-a-conversation`. */
  z.strictObject({ shape: z.literal('none') }),
])
export type Mapping = z.infer<typeof Mapping>
