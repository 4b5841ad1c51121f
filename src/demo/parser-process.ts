import { setTimeout as wait } from 'node:timers/promises'
import { parseFiles } from './parse-files.ts'
import { placeIn } from './place.ts'

/** The parser is a process of its own, so that it can be watched, and killed, as one. It ends with the simulator. */
process.once('disconnect', () => process.exit(0))
// Ctrl-C reaches every process of the terminal; the simulator decides when this one ends.
process.on('SIGINT', () => {})

const [folder = '', pollMs = '250'] = process.argv.slice(2)
const place = placeIn(folder)
for (;;) {
  await parseFiles(place)
  await wait(Number(pollMs))
}
