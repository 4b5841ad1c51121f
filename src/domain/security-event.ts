/**
 * What can happen that whoever watches the logs should hear of, with its name in the OWASP Logging Vocabulary
 * (https://cheatsheetseries.owasp.org/cheatsheets/Logging_Vocabulary_Cheat_Sheet.html).
 */
export const securityEvents = {
  'sign-in-refused': 'authn_login_fail',
  'sign-in-slowed': 'authn_login_fail_max',
  'bearer-refused': 'authn_login_fail',
  'key-in-url': 'authn_login_fail',
  'access-denied': 'authz_fail',
  'other-site-refused': 'malicious_cors',
  'rate-limited': 'excess_rate_limit_exceeded',
  'limit-changed': 'authz_admin',
} as const

export type SecurityEvent = keyof typeof securityEvents

/** What an answer alone says about security; the audit log has the rest. */
export function eventOfAnswer(
  operation: string | undefined,
  isRead: boolean,
  status: number,
): SecurityEvent | undefined {
  if (operation === 'session.create' && !isRead) {
    if (status === 422 || status === 401) return 'sign-in-refused'
    if (status === 429) return 'sign-in-slowed'
  }
  return status === 401 || status === 403 ? 'access-denied' : undefined
}
