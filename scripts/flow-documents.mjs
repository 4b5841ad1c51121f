// Writes the tables of docs/flows.md and config/flow.schema.json anew from the definitions; tests hold them equal.
import { readFileSync, writeFileSync } from 'node:fs'
import { schemaText, withTables } from '../test/support/flow-tables.ts'

const page = new URL('../docs/flows.md', import.meta.url)
writeFileSync(page, withTables(readFileSync(page, 'utf8')))
writeFileSync(new URL('../config/flow.schema.json', import.meta.url), schemaText())
