import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { z } from 'zod'
import type { MachineAccess } from './domain/auth/machine-access.ts'
import { type Network, parseNetworks } from './domain/network/addresses.ts'
import { parseOrigins } from './domain/network/origins.ts'
import type { SettingInForce } from './domain/system/system-state.ts'
import { StartupProblem } from './startup-problem.ts'

// What is wrong is said without the value: it may hold a password.
const wholeNumber = (least: number, most: number) =>
  z
    .string()
    .refine(
      (text) => /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most,
      `Give it a whole number from ${least} to ${most}.`,
    )
    .transform(Number)
const oneOf = <const Value extends string>(...values: readonly Value[]) =>
  z.enum(values, { error: `Give it one of ${values.join(', ')}.` })
const address = (protocol: RegExp, example: string) =>
  z.url({ protocol, error: `Give it an address such as ${example}.` })
const databaseAddress = address(/^postgres(ql)?$/, 'postgres://user:password@host:5432/database')

const Environment = z.object({
  PORT: wholeNumber(0, 65_535).default(3000),
  HOST: z.string().min(1).default('127.0.0.1'),
  DATABASE_URL: databaseAddress.optional(),
  DATABASE_ADMIN_URL: databaseAddress.optional(),
  PUBLIC_URL: address(/^https?$/, 'https://portal.example')
    .refine(
      (url) => !URL.canParse(url) || /^https?:\/\/[^/?#]+\/?$/i.test(url),
      'Give it no path: the portal answers at the root of its host, as in https://portal.example.',
    )
    .optional(),
  TLS_CERT: z.string().min(1).optional(),
  TLS_KEY: z.string().min(1).optional(),
  TRUST_PROXY: z
    .string()
    .transform((setting, context) => {
      const parsed = parseNetworks(setting)
      if ('networks' in parsed) return parsed.networks
      context.addIssue(`“${parsed.mistake}” is no address, network (10.0.0.0/8) or “loopback”.`)
      return z.NEVER
    })
    .optional(),
  METRICS_TOKEN: z
    .string()
    .min(32, 'Give it at least 32 characters, for example those of `openssl rand -hex 32`.')
    .regex(/^\S*$/, 'It may not hold spaces.')
    .optional(),
  PUBLIC_STATUS: oneOf('0', '1').default('0'),
  STATUS_CORS_ORIGINS: z
    .string()
    .transform((setting, context) => {
      const origins = parseOrigins(setting)
      if (!('mistake' in origins)) return origins.origins
      context.addIssue(`“${origins.mistake}” is no origin such as https://wall.example.`)
      return z.NEVER
    })
    .optional(),
  DEFAULT_FLOW: z.string().min(1).optional(),
  SMTP_URL: address(/^smtps?$/, 'smtps://user:password@mail.example').optional(),
  MAIL_FROM: z.email('Give it an e-mail address.').optional(),
  LOG_LEVEL: oneOf('debug', 'info', 'warn', 'error', 'silent').default('info'),
  SIGNALBOX_DATA: z.string().min(1).default('var'),
  SIGNALBOX_KEYS: z.string().min(1).optional(),
  VAULT_KEY_FILE: z.string().min(1).optional(),
  SIGNALBOX_AUDIT: z.string().min(1).optional(),
  SIGNALBOX_MAX_UPLOAD_BYTES: wholeNumber(1, Number.MAX_SAFE_INTEGER).default(5 * 1024 ** 3),
  SIGNALBOX_WORKERS: wholeNumber(0, 64).optional(),
  SIGNALBOX_SECOND_FACTOR: oneOf('required', 'optional').default('required'),
  SIGNALBOX_RUNS: wholeNumber(1, 1_000).default(16),
  SIGNALBOX_RUNS_PER_USER: wholeNumber(1, 1_000).default(4),
  SIGNALBOX_INTERMEDIATES_DAYS: wholeNumber(1, 3_650).default(7),
  SIGNALBOX_AUDIT_DETAILS_DAYS: wholeNumber(30, 36_500).default(400),
  SIGNALBOX_FLOWS: z.string().min(1).default('config/flows'),
  SIGNALBOX_PLUGIN_FOLDERS: z.string().min(1).default('/usr/lib/nagios/plugins:/usr/lib/monitoring-plugins'),
})

/** Every setting, in the order of `docs/configuration.md`. */
export const settingNames = Object.keys(Environment.shape)

/** Settings that hold a password or a token: their values are for nobody. */
const secretSettings: readonly string[] = [
  'DATABASE_URL',
  'DATABASE_ADMIN_URL',
  'METRICS_TOKEN',
  'SMTP_URL',
] satisfies (keyof typeof Environment.shape)[]

/**
 * Every setting as it holds, for people to look at; of a secret no more than that it is set.
 * @param environment one that `readConfig` took
 */
export function settingsInForce(environment: Readonly<Record<string, string | undefined>>): SettingInForce[] {
  const { data, workers } = readConfig(environment)
  // Where nothing is given these follow from other settings, or from the machine.
  const defaults: Readonly<Record<string, unknown>> = {
    ...Environment.parse({}),
    SIGNALBOX_KEYS: data.keysFolder,
    SIGNALBOX_AUDIT: data.auditFolder,
    SIGNALBOX_WORKERS: workers,
  }
  return settingNames.map((name) => {
    const given = environment[name] === '' ? undefined : environment[name]
    const byDefault = defaults[name] === undefined ? undefined : String(defaults[name])
    const value = given !== undefined && secretSettings.includes(name) ? 'set' : (given ?? byDefault)
    return { name, value, isGiven: given !== undefined }
  })
}

export interface Config {
  readonly http: {
    readonly port: number
    readonly host: string
    readonly publicUrl: string | undefined
    /** Paths of certificate and key; without them plain HTTP is spoken. */
    readonly tls: { readonly cert: string; readonly key: string } | undefined
    /** Proxies whose X-Forwarded-* and X-Request-Id headers hold. */
    readonly trustedProxies: readonly Network[]
  }
  readonly database: { readonly url: string | undefined; readonly adminUrl: string | undefined }
  readonly data: {
    readonly folder: string
    readonly keysFolder: string
    readonly objectsFolder: string
    /** Checkpoints of the audit log. */
    readonly auditFolder: string
    /** Where the master keys lie; undefined: in the key folder. */
    readonly masterKeyFile: string | undefined
  }
  readonly uploads: { readonly maxBytes: number }
  /** The server that takes letters, and whom they are from; without it links are only shown. */
  readonly mail: { readonly url: string; readonly from: string } | undefined
  /** Who reads the machine endpoints besides people with a session, and pages of which other sites. */
  readonly machines: MachineAccess & { readonly corsOrigins: readonly string[] }
  /** The id of the flow that `/diagram` shows when none is asked for. */
  readonly defaultFlow: string | undefined
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent' }
  /** Worker threads for shards in this process; 0: none. */
  readonly workers: number
  /** Whether administrators and moderators have to have a second factor. */
  readonly secondFactor: 'required' | 'optional'
  /** Runs that may run at once: of one user, and of all. */
  readonly runLimits: { readonly perUser: number; readonly total: number }
  /** How long intermediates are kept after a run completed. */
  readonly intermediatesDays: number
  /** How long details of audit entries are kept; the entries stay for good. */
  readonly auditDetailsDays: number
  readonly flows: {
    /** Where flows are configured, a file each. */
    readonly folder: string
    /** Checks of type command run programs from these folders alone. */
    readonly pluginFolders: readonly string[]
  }
}

/**
 * Reads the environment once.
 * @throws StartupProblem listing every mistake, also misspelt names of our own
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const mistakes = Object.keys(environment)
    .filter((name) => name.startsWith('SIGNALBOX_') && !settingNames.includes(name))
    .map((name) => `${name} is not a setting; known are ${settingNames.join(', ')}`)
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  if ((given.TLS_CERT === undefined) !== (given.TLS_KEY === undefined)) {
    mistakes.push('TLS_CERT and TLS_KEY belong together: set both or neither')
  }
  if (given.TLS_CERT !== undefined && given.PUBLIC_URL?.startsWith('http:')) {
    mistakes.push('PUBLIC_URL: with TLS_CERT it begins with https:')
  }
  if ((given.SMTP_URL === undefined) !== (given.MAIL_FROM === undefined)) {
    mistakes.push('SMTP_URL and MAIL_FROM belong together: set both or neither')
  }
  const parsed = Environment.safeParse(given)
  if (!parsed.success) {
    mistakes.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`))
  }
  if (!parsed.success || mistakes.length > 0) {
    throw new StartupProblem(`The settings are not right:\n  ${mistakes.join('\n  ')}`)
  }
  const settings = parsed.data
  const { TLS_CERT: cert, TLS_KEY: key, SMTP_URL: smtpUrl, MAIL_FROM: from } = settings
  const folder = resolve(settings.SIGNALBOX_DATA)
  return {
    http: {
      port: settings.PORT,
      host: settings.HOST,
      publicUrl: settings.PUBLIC_URL?.replace(/\/$/, ''),
      tls: cert === undefined || key === undefined ? undefined : { cert: resolve(cert), key: resolve(key) },
      trustedProxies: settings.TRUST_PROXY ?? [],
    },
    database: { url: settings.DATABASE_URL, adminUrl: settings.DATABASE_ADMIN_URL ?? settings.DATABASE_URL },
    data: {
      folder,
      keysFolder: resolve(settings.SIGNALBOX_KEYS ?? `${folder}/keys`),
      objectsFolder: `${folder}/vault`,
      auditFolder: resolve(settings.SIGNALBOX_AUDIT ?? `${folder}/audit`),
      masterKeyFile: settings.VAULT_KEY_FILE === undefined ? undefined : resolve(settings.VAULT_KEY_FILE),
    },
    uploads: { maxBytes: settings.SIGNALBOX_MAX_UPLOAD_BYTES },
    mail: smtpUrl === undefined || from === undefined ? undefined : { url: smtpUrl, from },
    machines: {
      token: settings.METRICS_TOKEN,
      isPublic: settings.PUBLIC_STATUS === '1',
      corsOrigins: settings.STATUS_CORS_ORIGINS ?? [],
    },
    defaultFlow: settings.DEFAULT_FLOW,
    log: { level: settings.LOG_LEVEL },
    workers: settings.SIGNALBOX_WORKERS ?? availableParallelism(),
    secondFactor: settings.SIGNALBOX_SECOND_FACTOR,
    runLimits: { perUser: settings.SIGNALBOX_RUNS_PER_USER, total: settings.SIGNALBOX_RUNS },
    intermediatesDays: settings.SIGNALBOX_INTERMEDIATES_DAYS,
    auditDetailsDays: settings.SIGNALBOX_AUDIT_DETAILS_DAYS,
    flows: {
      folder: resolve(settings.SIGNALBOX_FLOWS),
      pluginFolders: settings.SIGNALBOX_PLUGIN_FOLDERS.split(':')
        .filter((folder) => folder !== '')
        .map((folder) => resolve(folder)),
    },
  }
}
