import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from './config.ts'
import type { OwnPlace } from './domain/flows/configuration/own-variables.ts'

/** How the portal of these settings is reached from its own machine. A port of 0 is known to the portal alone. */
export const portalUrlOf = ({ http }: Config, port = http.port): string => {
  const everywhere = ['0.0.0.0', '::'].includes(http.host)
  const host = everywhere ? '127.0.0.1' : http.host.includes(':') ? `[${http.host}]` : http.host
  return `${http.tls === undefined ? 'http' : 'https'}://${host}:${port}`
}

/**
 * The place of a portal that runs, or ran, with these settings, for a command beside it. Nothing is started.
 * @returns undefined when its embedded database was never started
 */
export async function ownPlaceOf(config: Config): Promise<OwnPlace | undefined> {
  const databaseUrl = config.database.url ?? (await embeddedUrl(config.data.folder))
  return databaseUrl === undefined
    ? undefined
    : { databaseUrl, portalUrl: portalUrlOf(config), dataFolder: config.data.folder }
}

async function embeddedUrl(folder: string): Promise<string | undefined> {
  const read = (name: string) => readFile(join(folder, 'postgres', name), 'utf8').catch(() => undefined)
  const [port, password] = await Promise.all([read('port'), read('application-password')])
  return port === undefined || password === undefined
    ? undefined
    : `postgres://signalbox:${password.trim()}@127.0.0.1:${port.trim()}/postgres`
}
