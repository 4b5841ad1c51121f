import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Kysely } from 'kysely'
import type { Database } from '../db/schema.ts'
import { readProcessedShards, readRunSettings } from '../db/shard-inputs.ts'
import { decodeConversations } from '../domain/pipeline/record-objects.ts'
import type { Vault } from '../domain/vault/vault.ts'

/**
 * Writes one line per scored record: dataset, ordinal, score (0 to 1) and findings with rule, message index and
 * span. Offsets are UTF-16 units of the message as standardized, before any redaction; never the text itself.
 */
export async function writeFindings(
  db: Kysely<Database>,
  vault: Vault,
  runId: string,
  path: string,
): Promise<void> {
  const { objects } = await readRunSettings(db, runId)
  const shards = await readProcessedShards(db, runId)
  async function* lines(): AsyncGenerator<string> {
    for (const { objectId, datasetId } of shards) {
      const bytes = await vault.readBytes({ owner: objects.keyOwner, id: objectId, kind: 'shard' })
      yield [...decodeConversations(bytes)]
        .map(
          ({ origin, score, findings }) =>
            `${JSON.stringify({
              dataset: datasetId,
              ordinal: origin[0],
              scores: { total: score === null ? null : score / 1000 },
              findings: findings.map(({ rule, version, severity, message, span, effect }) => ({
                rule,
                version,
                severity,
                message,
                start: span?.[0] ?? null,
                end: span?.[1] ?? null,
                effect: effect / 1000,
              })),
            })}\n`,
        )
        .join('')
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path))
}
