// Preloaded into a process and its threads: shards ten times as large, so that a run has a tenth of the checkpoints.
import { shardLimits } from '../dist/domain/pipeline/ingest.js'

Object.assign(shardLimits, { records: shardLimits.records * 10, sourceBytes: shardLimits.sourceBytes * 10 })
