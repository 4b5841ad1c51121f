import type { Letter } from '../mail/mail.ts'

/** A one-time link that was just made, and whom it is for. */
export interface IssuedLink {
  readonly userId: string
  readonly name: string
  readonly email: string
  readonly kind: 'invitation' | 'reset'
  readonly token: string
}

/** How long a link works, in words; the times themselves are in `src/db/password-links.ts`. */
const worksFor = { invitation: 'a week', reset: 'a day' } as const

const subject = {
  invitation: 'Your invitation to Signalbox',
  reset: 'A new password for Signalbox',
} as const

const reason = {
  invitation: 'you were invited to Signalbox. Choose a password here:',
  reset: 'an administrator made you a link to choose a new password for Signalbox with:',
} as const

/** The letter that brings someone their link. */
export const linkLetter = ({ name, email, kind }: IssuedLink, href: string): Letter => ({
  to: email,
  subject: subject[kind],
  text: `Hello ${name},

${reason[kind]}

${href}

The link works once, for ${worksFor[kind]}. Pass it on to nobody.
If you did not expect this message, tell your administrator and leave the link alone.
`,
})
