import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { boardLinkId, boardLinkStands, findBoardLink } from '../../db/board-links.ts'
import type { OperationName } from '../../domain/auth/operations.ts'
import { type BoardLink, opensBoard } from '../../domain/flows/board/board-link.ts'
import type { AppContext, AppDeps, AppEnv } from '../app-context.ts'

type Deps = Pick<AppDeps, 'db' | 'clock' | 'config'>

/** Browsers keep a cookie for 400 days at most; opening the link again begins anew. */
const longestMs = 400 * 86_400_000

const cookieName = ({ config }: Pick<Deps, 'config'>) =>
  config.secureCookies ? '__Host-signalbox-board' : 'signalbox-board'

/**
 * Lets whoever came by a board link read the boards that it opens, and nothing else: here its cookie counts for that one
 * operation only, and nowhere else is it looked at.
 */
export function boardAccess(deps: Deps) {
  return async (c: AppContext, operation: OperationName): Promise<boolean> => {
    if (operation !== 'board.read') return false
    const token = getCookie(c, cookieName(deps))
    if (token === undefined) return false
    const link = await findBoardLink(deps, token)
    // As it was written: an id in a spelling of its own opens nothing.
    if (link === undefined || !opensBoard(link, c.req.path.split('/')[2] ?? '')) {
      const id = await boardLinkId(deps.db, token)
      if (id !== undefined) c.set('refused', { type: 'board-link', id })
      return false
    }
    c.set('boardLink', link)
    c.set('stillAllowed', () => boardLinkStands(deps, token))
    return true
  }
}

/** Gives the browser what opens the boards of a link, in place of the address that had the token in it. */
export function setBoardCookie(
  c: Context<AppEnv>,
  deps: Deps,
  token: string,
  { expiresAt }: BoardLink,
): void {
  const now = deps.clock().getTime()
  const left = expiresAt === undefined ? longestMs : expiresAt.getTime() - now
  setCookie(c, cookieName(deps), token, {
    // `__Host-` wants the whole host; it opens boards and nothing else wherever it is sent.
    path: deps.config.secureCookies ? '/' : '/board',
    httpOnly: true,
    sameSite: 'Lax',
    secure: deps.config.secureCookies,
    maxAge: Math.floor(Math.min(left, longestMs) / 1000),
  })
}
