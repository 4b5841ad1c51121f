// Writes the table of docs/permissions.md anew from the table of operations; a test holds them equal.
import { readFileSync, writeFileSync } from 'node:fs'
import { permissionRows } from '../test/support/permission-rows.ts'

const page = new URL('../docs/permissions.md', import.meta.url)
const text = readFileSync(page, 'utf8')
const head = text.slice(0, text.search(/^\| `/m))
writeFileSync(
  page,
  head +
    permissionRows()
      .map((cells) => `| ${cells.join(' | ')} |\n`)
      .join(''),
)
