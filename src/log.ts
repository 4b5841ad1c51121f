import { type Logger, pino } from 'pino'

/** JSON lines on stderr: stdout belongs to reports and the start message. */
export const createLog = ({ level }: { readonly level: string }): Logger =>
  pino(
    { level, base: null, redact: ['*.password', '*.cookie', '*.authorization', '*.secret'] },
    pino.destination({ fd: 2, sync: true }),
  )
