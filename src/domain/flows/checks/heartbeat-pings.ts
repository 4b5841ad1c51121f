import type { HeartbeatMeasurement } from './heartbeat.ts'

/** What jobs told by their pings. */
export interface HeartbeatPings {
  /** Of this token; also of one that nobody has called yet. */
  read(token: string): Promise<HeartbeatMeasurement>
}
