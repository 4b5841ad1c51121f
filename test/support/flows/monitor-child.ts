import pino from 'pino'
import { connect } from '../../../src/db/connection.ts'
import { fail } from '../../../src/domain/flows/checks/check-result.ts'
import { liveMonitor, scriptedRunners } from './live-monitor.ts'

// A monitor in a process of its own, to be stopped and killed: `URL FOLDER FLOW PORT`. What it measures at the port
// fails. It prints `measured` with each measurement, and the state that it shows with each look.
const [url = '', folder = '', flow = '', port = ''] = process.argv.slice(2)
const log = pino({ level: 'silent' })
const { db } = connect(url, log)
const scripted = scriptedRunners()
scripted.answer(port, async () => {
  process.stdout.write('measured\n')
  return fail('refused', 'Nobody listens.')
})
const monitor = liveMonitor({ db, url }, folder, scripted.runners, { log })
await monitor.loaded
for await (const _ of monitor.changes(flow, new AbortController().signal)) {
  process.stdout.write(`${monitor.picture(flow)?.assessment.state}\n`)
}
