import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { isDatabaseAway } from '../db/connection.ts'
import { startEmbeddedServer } from '../db/embedded-server.ts'
import { migrate } from '../db/migrate.ts'
import { listenForOrders, order } from '../demo/control.ts'
import { switchFlowOff, switchFlowOn } from '../demo/flow-file.ts'
import { type DemoProcess, placeIn } from '../demo/place.ts'
import { removeFolder, Simulator } from '../demo/simulator.ts'
import { prepareWarehouse, removeWarehouse } from '../demo/warehouse.ts'
import { createLog } from '../log.ts'
import { portalUrlOf } from '../own-place.ts'
import { onStopSignal } from '../process.ts'
import { StartupProblem } from '../startup-problem.ts'
import { type DemoArguments, type DemoPorts, readDemoArguments } from './demo-arguments.ts'
import { runCommandLine, say } from './run-command.ts'

/** Exit codes of `npm run demo:flow`. */
const exit = { done: 0, otherwise: 1, usage: 2 } as const

const tempoMs = 2_000

const print = (text: string) => process.stdout.write(`${text}\n`)

async function main(): Promise<number> {
  const parsed = readDemoArguments(process.argv.slice(2))
  if (!parsed.ok) {
    say(`${parsed.problem.message}\nTry: npm run demo:flow -- --help`)
    return exit.usage
  }
  const asked = parsed.value
  if (asked.kind === 'help') return exit.done
  const config = readConfig(process.env)
  const folder = join(config.data.folder, 'demo')
  const places = { folder, flows: join(config.data.folder, 'flows'), run: placeIn(folder).run }
  if (asked.kind === 'run') return run(config, places, asked)
  if (asked.kind === 'clean') return clean(config, places)
  const broken = await order(places.run, asked)
  if (broken === undefined) {
    say('No demo runs here. Start it with npm run demo:flow, in another terminal.')
    return exit.otherwise
  }
  print(stateInWords(broken))
  return exit.done
}

interface Places {
  readonly folder: string
  /** Watched by the portal. */
  readonly flows: string
  readonly run: string
}

const runsAlready = async ({ run: runFolder }: Places) =>
  (await order(runFolder, { kind: 'status' })) !== undefined

async function run(
  config: Config,
  places: Places,
  { portalUrl: given, ports }: Extract<DemoArguments, { kind: 'run' }>,
): Promise<number> {
  const portalUrl = given ?? portalUrlOf(config)
  if (await runsAlready(places)) {
    say('The demo runs already. Break something: npm run demo:flow -- break unzip')
    return exit.otherwise
  }
  const log = logOf(config)
  const database = await adminOf(config, log)
  try {
    const stopped = onStopSignal(log)
    const simulator = await Simulator.start({
      folder: places.folder,
      warehouseUrl: await prepareWarehouse(database.adminUrl, database.ownPassword),
      portalUrl,
      tempoMs,
      ports,
      random: Math.random,
      clock: () => new Date(),
      say: (sentence) => say(`demo: ${sentence}`),
    })
    try {
      const orders = await listenForOrders(simulator, places.run, randomBytes(24).toString('hex'))
      const { urls } = simulator
      await switchFlowOn(places.flows, {
        data: places.folder,
        feed: urls.feed,
        spark: urls.spark,
        namenode: urls.nameNode,
        store_port: new URL(urls.store).port,
      })
      sayTakenPorts(urls, ports)
      print(`The demo moves files through its eight processes in ${places.folder}.`)
      print(`Look at it: ${portalUrl}/board/helicopter-rdf (npm start runs the portal)`)
      print('Break it:   npm run demo:flow -- break unzip, then: npm run demo:flow -- mend')
      await stopped
      await switchFlowOff(places.flows)
      await orders.close()
    } finally {
      await simulator.close()
    }
    return exit.done
  } finally {
    await database.stop()
  }
}

async function clean(config: Config, places: Places): Promise<number> {
  if (await runsAlready(places)) {
    say('The demo runs. Stop it with Ctrl-C first.')
    return exit.otherwise
  }
  const database = await adminOf(config, logOf(config))
  try {
    await switchFlowOff(places.flows)
    await removeWarehouse(database.adminUrl)
    await removeFolder(places.folder)
  } finally {
    await database.stop()
  }
  print('The demo is gone: its files, its tables and its flow.')
  return exit.done
}

function sayTakenPorts(urls: Simulator['urls'], ports: DemoPorts): void {
  for (const name of ['feed', 'spark', 'nameNode', 'store'] as const) {
    if (ports[name] === 0 || new URL(urls[name]).port === String(ports[name])) continue
    say(`demo: port ${ports[name]} is taken, so the server “${name}” answers at ${urls[name]}`)
  }
}

const logOf = ({ log }: Config) => createLog({ ...log, level: log.level === 'info' ? 'warn' : log.level })

const stateInWords = (broken: readonly DemoProcess[]) =>
  broken.length === 0
    ? 'Nothing is broken.'
    : `Broken: ${broken.join(', ')}. The board shows it within seconds.`

/**
 * The database of the portal, as a role that may make the schema of the demo: the application's own may not. It is used
 * for that alone; on the embedded server the simulator then signs in as a role that owns its schema and nothing else.
 */
async function adminOf(
  config: Config,
  log: ReturnType<typeof createLog>,
): Promise<{ adminUrl: string; ownPassword: string | undefined; stop(): Promise<void> }> {
  if (config.database.adminUrl !== undefined) {
    await migrate(config.database.adminUrl).catch((cause: unknown) => {
      if (!isDatabaseAway(cause)) throw cause
      throw new StartupProblem(
        'The database of DATABASE_URL cannot be reached. Start it, or correct DATABASE_URL.',
        {
          cause,
        },
      )
    })
    return { adminUrl: config.database.adminUrl, ownPassword: undefined, stop: async () => {} }
  }
  const server = await startEmbeddedServer({ folder: config.data.folder, log })
  const { adminUrl } = server
  try {
    // Also where no portal was ever started: the role that may read the demo's tables comes with the migrations.
    await migrate(adminUrl)
  } catch (error) {
    await server.stop()
    throw error
  }
  return { adminUrl, ownPassword: randomBytes(24).toString('hex'), stop: () => server.stop() }
}

await runCommandLine(main, 'The demo stopped on a fault of its own.')
