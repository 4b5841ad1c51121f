/** A message to one person, in plain text. */
export interface Letter {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/**
 * How it ended. `sent`: the mail server took it over; whether it arrives is for others to tell. `not-secure`: the server
 * has no TLS that can be trusted, so it was not told the letter.
 */
export type MailOutcome = 'sent' | 'unreachable' | 'not-secure' | 'refused'

/** Where letters are handed over. Never throws: a letter that cannot go is no reason to fail. */
export interface Mail {
  send(letter: Letter): Promise<MailOutcome>
}
