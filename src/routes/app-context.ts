import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import type { RunLimits } from '../db/admit-runs.ts'
import type { Database } from '../db/schema.ts'
import type { ObjectType } from '../domain/audit/actions.ts'
import type { Caller } from '../domain/audit/entry.ts'
import type { AccessTokens } from '../domain/auth/access-token.ts'
import type { MachineAccess, MachineView } from '../domain/auth/machine-access.ts'
import type { OperationName } from '../domain/auth/operations.ts'
import type { SecondFactorSetting } from '../domain/auth/second-factor.ts'
import type { SignedInUser } from '../domain/auth/user.ts'
import type { ReadFirstRecords } from '../domain/datasets/first-records.ts'
import type { DetectFile } from '../domain/datasets/receive-file.ts'
import type { BoardLink } from '../domain/flows/board/board-link.ts'
import type { DrawFlow } from '../domain/flows/diagram/drawing.ts'
import type { FlowHistory } from '../domain/flows/monitor/flow-history.ts'
import type { FlowMonitor } from '../domain/flows/monitor/flow-monitor.ts'
import type { TryFlow } from '../domain/flows/try-flow.ts'
import type { Mail } from '../domain/mail/mail.ts'
import type { Network } from '../domain/network/addresses.ts'
import type { ExamineRecord } from '../domain/pipeline/examine-record.ts'
import type { ProgressHub } from '../domain/pipeline/progress.ts'
import type { ReadRecordText } from '../domain/pipeline/record-text.ts'
import type { Runs } from '../domain/pipeline/request-run.ts'
import type { SecurityEvent } from '../domain/security-event.ts'
import type { HostSystem } from '../domain/system/system-state.ts'
import type { KeyAdministration } from '../domain/vault/key-administration.ts'
import type { Vault } from '../domain/vault/vault.ts'
import type { Frame } from '../views/layout/shell.tsx'
import type { Bearer } from './frame/bearer.ts'
import type { BodyPaces } from './frame/body-pace.ts'
import type { Client } from './frame/client.ts'

export type { SignedInUser } from '../domain/auth/user.ts'

/** Everything the routes are given; entry points and tests build it, nothing else is reached for. */
export interface AppDeps {
  readonly db: Kysely<Database>
  readonly vault: Vault
  readonly detect: DetectFile
  readonly readFirstRecords: ReadFirstRecords
  readonly readRecordText: ReadRecordText
  readonly examineRecord: ExamineRecord
  readonly runs: Runs
  readonly keys: KeyAdministration
  readonly tokens: AccessTokens
  readonly host: HostSystem
  /** Mails one-time links; without it they are only shown. */
  readonly mail?: Mail | undefined
  readonly config: {
    readonly publicUrl: string
    readonly secureCookies: boolean
    readonly maxUploadBytes: number
    /** Whether administrators and moderators have to have a second factor. */
    readonly secondFactor: SecondFactorSetting
    /** Who reads the machine endpoints besides people with a session; nobody when not given. */
    readonly machines?: MachineAccess & {
      /** Other sites whose pages may read them. */
      readonly corsOrigins: readonly string[]
    }
    /** What a waiting run is held back by. */
    readonly runLimits?: RunLimits
    /** Proxies whose X-Forwarded-* and X-Request-Id headers hold; none when not given. */
    readonly trustedProxies?: readonly Network[]
    /** The flow that /diagram shows when none is asked for; the first by id when not given. */
    readonly defaultFlow?: string | undefined
    /** How long intermediates are kept after a run completed; 7 when not given. */
    readonly intermediatesDays?: number
    /** How fast bodies have to come; only tests give others. */
    readonly bodyPaces?: BodyPaces
  }
  readonly log: Logger
  readonly clock: () => Date
  readonly random: (bytes: number) => Buffer
  /** Aborted when the process stops: live streams end then. */
  readonly closing: AbortSignal
  readonly progress: ProgressHub
  readonly flows: FlowMonitor
  readonly flowHistory: FlowHistory
  readonly drawFlow: DrawFlow
  readonly tryFlow: TryFlow
  /** Begins a deletion that was asked for; without it, it waits for a process that works deletions. */
  readonly beginDeletion?: (id: string) => Promise<void>
}

export interface AppEnv {
  Bindings: HttpBindings
  Variables: {
    client: Client
    requestId: string
    /** Who asks, for use cases that change something. */
    caller: Caller
    /** Undefined only behind routes that the permission table opens to everybody. */
    viewer: SignedInUser | undefined
    /** The signed-in person; present behind every route that the permission table does not open to everybody. */
    user: SignedInUser
    /** Whether password or code were given in the last five minutes. */
    isProven: boolean
    /** Whether a code is asked for when this person signs in. */
    hasSecondFactor: boolean
    /** Whether single keys work in this person's browser. */
    hasShortcuts: boolean
    /** How much is shown; present behind `machineAccess`. */
    machineView: MachineView
    /** SHA-256 of the session id, never the id. */
    sessionHash: string | undefined
    /** What a route refused, where the path does not say it: for the audit log. */
    refused: { readonly type: ObjectType; readonly id: string | undefined } | undefined
    /** The board link that opened this, where nobody is signed in. */
    boardLink: BoardLink | undefined
    /** The key or token that signed in; undefined: a cookie, or nothing. */
    bearer: Bearer | undefined
    /** A key or token came along, right or wrong: whoever asks is no browser. */
    isProgram: boolean | undefined
    /** Whether the session, key or token still stands and may still do this; asked again and again by live streams. */
    stillAllowed: () => Promise<boolean>
    /** Says that the person is still there, sending: at most once a minute their session is prolonged. */
    stayAwake: () => Promise<void>
    /** Whether it was counted against a limit, or need not be. */
    isCounted: boolean | undefined
    /** Password or code are asked for first: nothing was done yet, and the same request comes once more. */
    isAskedAgain: boolean | undefined
    /** Whether the vault was sealed when a page was asked for. */
    isSealed: boolean | undefined
    /** What was told to the security log of this request. */
    securityEvent: SecurityEvent | undefined
    /** Whether the signed-in person may do this too: to the dataset or run that the path names, or else at all. */
    may: (operation: OperationName) => boolean
  }
}

export type AppContext = Context<AppEnv>

/** What the shell of every page carries. */
export const frameOf = (c: AppContext, notices?: Frame['notices']): Frame => ({
  viewer:
    c.var.viewer === undefined
      ? undefined
      : { name: c.var.viewer.name, role: c.var.viewer.role, hasShortcuts: c.var.hasShortcuts },
  notices: c.var.isSealed === true ? [sealedNotice, ...(notices ?? [])] : notices,
})

const sealedNotice = {
  state: 'failed',
  text: 'The vault is sealed: its master key is missing or wrong. Until an operator puts it back, nothing can be uploaded, read or changed; runs wait, and nothing is lost.',
} as const
