import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
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

/** Stylesheet, script, icon and vendored files. Revalidated by ETag, so a new version shows at once. */
export function assetRoutes(root = projectRoot()): Hono<AppEnv> {
  const app = new Hono<AppEnv>()
  const cached = (rule: string) =>
    createMiddleware<AppEnv>(async (c, next) => {
      await next()
      if (c.res.status === 200 || c.res.status === 304) c.header('Cache-Control', rule)
    })
  for (const file of [
    '/portal.css',
    '/signalbox.js',
    '/draw-mermaid.js',
    '/favicon.svg',
    '/board.css',
    '/board.js',
  ]) {
    app.get(
      file,
      cached('public, max-age=0, must-revalidate'),
      etag(),
      serveStatic({ root: path.join(root, 'public') }),
    )
  }
  app.get(
    '/board-icons/*',
    cached('public, max-age=0, must-revalidate'),
    etag(),
    serveStatic({ root: path.join(root, 'public') }),
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
  const hash = createHash('sha256')
  for (const file of ['board.css', 'board.js', 'portal.css']) {
    hash.update(readFileSync(path.join(root, 'public', file)))
  }
  return hash.digest('hex').slice(0, 12)
}

/** The same distance from `src/routes/frame` as from `dist/routes/frame`. */
const projectRoot = () => path.resolve(import.meta.dirname, '..', '..', '..')
