import type { ExportFormat } from '../../pipeline/run.ts'
import { csv } from './csv.ts'
import { json } from './json.ts'
import { jsonl } from './jsonl.ts'
import { parquet } from './parquet.ts'
import type { TableWriter, TextWriter } from './writer.ts'

/** The file formats a run can export. A later one is one file and one line here. */
export const exportWriters: Record<ExportFormat, TextWriter | TableWriter> = { jsonl, json, csv, parquet }
