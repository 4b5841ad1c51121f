import type { StandardizeReason } from '../conversations/standardize-reason.ts'
import type { ReadReason } from '../formats/source.ts'

/** Every reason for which a record does not come out of a stage. */
type Reason =
  | ReadReason
  | StandardizeReason
  | 'below-threshold'
  | 'exact-duplicate'
  | 'target-cannot-carry'
  | 'poison-record'

export interface ReasonSentence {
  readonly title: string
  /** What a person can do about it. */
  readonly todo: string
}

const sentences: Readonly<Record<Reason, ReasonSentence>> = {
  'json-invalid': {
    title: 'Not valid JSON',
    todo: 'Repair the record here, or correct the line in the source and upload the file again.',
  },
  'json-unexpected-end': {
    title: 'JSON ends too early',
    todo: 'The record or the file was cut off: repair it here, or export it again from where it came from.',
  },
  'json-repeated-key': {
    title: 'A field is written twice',
    todo: 'Only one of its values could be kept: name one of the two differently, or take it out. Repair the record here, or correct the source.',
  },
  'json-too-deep': {
    title: 'Nested deeper than 1,000 levels',
    todo: 'No dialogue needs that: look at what wrote the record, and correct the source.',
  },
  'json-beside-list': {
    title: 'Stands beside the list of records',
    todo: 'Only the first list of a JSON file is read. If this holds records too, upload it as a file of its own.',
  },
  undecodable: {
    title: 'Bytes do not fit the encoding',
    todo: 'Save the file as UTF-8 and upload it again.',
  },
  'csv-field-count': {
    title: 'Row has more or fewer fields than the header',
    todo: 'Look for a missing quote or an unquoted delimiter in the row.',
  },
  'csv-quote': {
    title: 'Quote in the wrong place',
    todo: 'Quotes inside a quoted field are written twice; correct the row.',
  },
  'csv-unexpected-end': {
    title: 'Quoted field never ends',
    todo: 'Close the quote, or export the file again if it was cut off.',
  },
  'record-too-large': {
    title: 'Record larger than the limit',
    todo: 'Split the record in the source: a single one may not be this large.',
  },
  'group-key-missing': {
    title: 'Row does not say which conversation it belongs to',
    todo: 'Fill in the key, or choose another key field in the mapping.',
  },
  'empty-record': { title: 'Empty record', todo: 'Nothing to do, unless it should have held something.' },
  removed: {
    title: 'Removed because of whom it was about',
    todo: 'Nothing to do: it is gone for good. The other records keep their numbers.',
  },
  'not-a-conversation': {
    title: 'No conversation recognised',
    todo: 'Check the mapping: the named fields do not hold a conversation in this record.',
  },
  'unknown-role': {
    title: 'Speaker with an unknown role',
    todo: 'Add the speaker’s name to the role names of the mapping and run again.',
  },
  'no-messages': {
    title: 'Conversation without a message',
    todo: 'Nothing to do, unless the messages stand in another field: then edit the mapping.',
  },
  'text-missing': {
    title: 'Message without text',
    todo: 'Check the text field in the mapping, or fill in the text in the source.',
  },
  'ambiguous-delimiter': {
    title: 'Chat markup inside the text',
    todo: 'The text contains the markup that separates messages, so where one ends is a guess. Escape it.',
  },
  'bad-turn': {
    title: 'A turn is not shaped as the mapping says',
    todo: 'Check the role and text fields in the mapping.',
  },
  'below-threshold': {
    title: 'Score below the threshold',
    todo: 'Look at the findings; run again with a lower threshold if they are acceptable.',
  },
  'exact-duplicate': {
    title: 'Exactly the same as an earlier record',
    todo: 'Nothing to do: the first one is kept.',
  },
  'target-cannot-carry': {
    title: 'Target format cannot carry it',
    todo: 'Export to ChatML or OpenAI as well: they carry every conversation.',
  },
  'poison-record': {
    title: 'Processing broke off on it',
    todo: 'The record is quarantined so that the others could go on. Report it to whoever runs Signalbox.',
  },
}

const byCode = new Map<string, ReasonSentence>(Object.entries(sentences))

/** A reason code as a title and what to do; a code of an earlier version is shown as it is. */
export const reasonSentence = (code: string): ReasonSentence =>
  byCode.get(code) ?? { title: code, todo: 'Look at the record in the source.' }
