/** Why a record did not become a conversation. Never quotes it. */
export type StandardizeReason =
  | 'not-a-conversation'
  | 'no-messages'
  | 'unknown-role'
  | 'text-missing'
  | 'bad-turn'
  | 'ambiguous-delimiter'
