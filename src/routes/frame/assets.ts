import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { etag } from 'hono/etag'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../app-context.ts'

/** Packages whose files the browser gets as they are, so that there is nothing to build. */
const vendored = {
  '/vendor/mermaid': path.join('node_modules', 'mermaid', 'dist'),
  '/vendor/htmx': path.join('node_modules', 'htmx.org', 'dist'),
  '/vendor/plex-sans': path.join('node_modules', '@fontsource-variable', 'ibm-plex-sans', 'files'),
  '/vendor/plex-mono': path.join('node_modules', '@fontsource', 'ibm-plex-mono', 'files'),
}

/**
 * Stylesheets, scripts, icons and vendored files. Revalidated by ETag, so a new version shows at once; of the modules of the
 * portal's script only the first, the others have their version in their address.
 */
export function assetRoutes(root = projectRoot()): Hono<AppEnv> {
  const app = new Hono<AppEnv>()
  const cached = (rule: string) =>
    createMiddleware<AppEnv>(async (c, next) => {
      await next()
      if (c.res.status === 200 || c.res.status === 304) c.header('Cache-Control', rule)
    })
  for (const own of [
    '/portal.css',
    '/draw-mermaid.js',
    '/favicon.svg',
    '/board.css',
    '/board.js',
    '/board-icons/*',
  ]) {
    app.get(
      own,
      cached('public, max-age=0, must-revalidate'),
      etag(),
      serveStatic({ root: path.join(root, 'public') }),
    )
  }
  const modules = path.join(root, 'public', 'scripts')
  const version = versionOf(readdirSync(modules).map((name) => path.join(modules, name)))
  app.get('/scripts/portal.js', cached('public, max-age=0, must-revalidate'), etag(), (c) =>
    c.body(`import './${version}/portal.js'\n`, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  )
  // No other version: another server may be newer, and what a browser gets here it keeps.
  const versioned = `/scripts/${version}/`
  app.get(
    '/scripts/*',
    (c, next) => (c.req.path.startsWith(versioned) ? next() : c.notFound()),
    cached('public, max-age=31536000, immutable'),
    serveStatic({ root: modules, rewriteRequestPath: (p) => p.slice(versioned.length) }),
  )
  for (const [prefix, folder] of Object.entries(vendored)) {
    app.get(
      `${prefix}/*`,
      cached('public, max-age=86400'),
      etag(),
      serveStatic({ root: path.join(root, folder), rewriteRequestPath: (p) => p.slice(prefix.length) }),
    )
  }
  return app
}

/** Tells one version of what a wall board is made of from another: an open board loads itself anew when it differs. */
export function boardAssetsVersion(root = projectRoot()): string {
  return versionOf(['board.css', 'board.js', 'portal.css'].map((file) => path.join(root, 'public', file)))
}

function versionOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files.toSorted()) hash.update(path.basename(file)).update(readFileSync(file))
  return hash.digest('hex').slice(0, 12)
}

/** The same distance from `src/routes/frame` as from `dist/routes/frame`. */
const projectRoot = () => path.resolve(import.meta.dirname, '..', '..', '..')
