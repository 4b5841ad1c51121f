import type { Values } from './variables.ts'

/**
 * What the portal provides to its flow files besides the environment: how to reach itself. Only files of the watched
 * folders get them, never text of strangers, and nobody is shown them: the address of the database holds its password.
 */
export interface OwnPlace {
  /** The database, as the application signs in. */
  readonly databaseUrl: string
  /** The portal over the loopback address, without a slash at the end. */
  readonly portalUrl: string
  readonly dataFolder: string
}

/** The variables of a place; they win over the environment. */
export const ownVariables = ({ databaseUrl, portalUrl, dataFolder }: OwnPlace): Values => ({
  SIGNALBOX_OWN_DATABASE: databaseUrl,
  SIGNALBOX_OWN_URL: portalUrl,
  SIGNALBOX_OWN_DATA: dataFolder,
})

/** Where a file is only read, and nothing is reached: whether it is right does not depend on the place. */
export const standInVariables: Values = ownVariables({
  databaseUrl: 'postgres://127.0.0.1/signalbox',
  portalUrl: 'http://127.0.0.1:3000',
  dataFolder: 'var',
})
