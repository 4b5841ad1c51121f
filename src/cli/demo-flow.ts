import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { readConfig } from '../config.ts'
import { isDatabaseAway } from '../db/connection.ts'
import { startEmbeddedServer } from '../db/embedded-server.ts'
import { migrate } from '../db/migrate.ts'
import { listenForOrders, order } from '../demo/control.ts'
import { switchFlowOff, switchFlowOn } from '../demo/flow-file.ts'
import { type DemoProcess, placeIn } from '../demo/place.ts'
import { removeFolder, Simulator } from '../demo/simulator.ts'
import { prepareWarehouse, removeWarehouse } from '../demo/warehouse.ts'
import { createLog } from '../log.ts'
import { onStopSignal } from '../process.ts'
import { StartupProblem } from '../startup-problem.ts'
import { readDemoArguments } from './demo-arguments.ts'
import { runCommandLine, say } from './run-command.ts'

/** Exit codes of `npm run demo:flow`. */
const exit = { done: 0, otherwise: 1, usage: 2 } as const

/** Those of the shipped flow; a taken one is replaced by a free one. */
const ports = { feed: 4010, spark: 4011, nameNode: 4012, store: 9000 } as const
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
  const flowsFolder = join(config.data.folder, 'flows')
  const { run: runFolder } = placeIn(folder)
  if (asked.kind === 'break' || asked.kind === 'mend' || asked.kind === 'status') {
    const broken = await order(runFolder, asked)
    if (broken === undefined) {
      say('No demo runs here. Start it with npm run demo:flow, in another terminal.')
      return exit.otherwise
    }
    print(stateInWords(broken))
    return exit.done
  }
  if ((await order(runFolder, { kind: 'status' })) !== undefined) {
    say(
      asked.kind === 'clean'
        ? 'The demo runs. Stop it with Ctrl-C first.'
        : 'The demo runs already. Break something: npm run demo:flow -- break unzip',
    )
    return exit.otherwise
  }
  const log = createLog({ ...config.log, level: config.log.level === 'info' ? 'warn' : config.log.level })
  const database = await adminOf(config, log)
  try {
    if (asked.kind === 'clean') {
      await switchFlowOff(flowsFolder)
      await removeWarehouse(database.adminUrl)
      await removeFolder(folder)
      print('The demo is gone: its files, its tables and its flow.')
      return exit.done
    }
    const stopped = onStopSignal(log)
    const warehouseUrl = await prepareWarehouse(database.adminUrl, database.ownPassword)
    const simulator = await Simulator.start({
      ...{ folder, warehouseUrl, tempoMs, ports, random: Math.random },
      portalUrl: asked.portalUrl,
      clock: () => new Date(),
      say: (sentence) => say(`demo: ${sentence}`),
    })
    const orders = await listenForOrders(simulator, runFolder, randomBytes(24).toString('hex'))
    const { urls } = simulator
    await switchFlowOn(flowsFolder, {
      data: folder,
      feed: urls.feed,
      spark: urls.spark,
      namenode: urls.nameNode,
      store_port: new URL(urls.store).port,
    })
    for (const [name, url] of Object.entries(urls)) {
      const wished = Object.entries(ports).find(([each]) => each === name)?.[1]
      if (new URL(url).port !== String(wished))
        say(`demo: port ${wished} is taken, so the ${name} server answers at ${url}`)
    }
    print(`The demo moves files through its eight processes in ${folder}.`)
    print(`Look at it: ${asked.portalUrl}/board/helicopter-rdf (the portal runs with npm start)`)
    print('Break it:   npm run demo:flow -- break unzip, then: npm run demo:flow -- mend')
    await stopped
    await switchFlowOff(flowsFolder)
    await orders.close()
    await simulator.close()
    return exit.done
  } finally {
    await database.stop()
  }
}

const stateInWords = (broken: readonly DemoProcess[]) =>
  broken.length === 0
    ? 'Nothing is broken.'
    : `Broken: ${broken.join(', ')}. The board shows it within seconds.`

/**
 * The database of the portal, as a role that may make the schema of the demo: the application's own may not. It is used
 * for that alone; on the embedded server the simulator then signs in as a role that owns its schema and nothing else.
 */
async function adminOf(
  config: ReturnType<typeof readConfig>,
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
