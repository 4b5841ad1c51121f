import { checked } from '../configuration/container-shapes.ts'
import { record } from '../configuration/record-shape.ts'
import { optional, required } from '../configuration/shape.ts'
import { choice, filledText, longerThanNothing } from '../configuration/value-shapes.ts'
import { query } from './database.ts'

/** A number to compare: files counted, or what a query answers. */
export const metric = checked(
  record(
    {
      type: required(choice('file_count', 'db_query'), 'What is counted.'),
      glob: optional(filledText, 'For file_count: the files.'),
      query: optional(
        query,
        'For db_query: the query for one number; `:from` and `:to` are the ends of the bucket.',
      ),
      window: optional(longerThanNothing, 'Only what came within this time counts.'),
      bucket: optional(longerThanNothing, 'For volume: the length of the whole buckets that are compared.'),
    },
    'metric',
  ),
  ({ type, glob, query: asked }) =>
    (type === 'file_count') === (glob !== undefined) && (type === 'db_query') === (asked !== undefined)
      ? undefined
      : 'file_count needs glob, db_query needs query, and neither the other.',
)
