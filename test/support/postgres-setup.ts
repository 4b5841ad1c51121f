import { rm } from 'node:fs/promises'
import pg from 'pg'
import { pino } from 'pino'
import type { TestProject } from 'vitest/node'
import { ensureApplicationRole } from '../../src/db/application-role.ts'
import { startEmbeddedServer } from '../../src/db/embedded-server.ts'
import { migrate } from '../../src/db/migrate.ts'
import { temporaryFolder } from './temporary-folder.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Superuser of the one server of this test run. */
    adminUrl: string
    applicationPassword: string
  }
}

const applicationPassword = 'only-for-tests'

/** One real server a test run, in its own folder on a free port; a migrated template that files copy. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const folder = await temporaryFolder('pg')
  const server = await startEmbeddedServer({
    folder,
    log: pino({ level: 'silent' }),
    flags: ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'],
  })
  const admin = new pg.Client({ connectionString: server.adminUrl })
  await admin.connect()
  await admin.query('create database template_app')
  await admin.end()
  const template = new URL(server.adminUrl)
  template.pathname = '/template_app'
  await migrate(template.href)
  await ensureApplicationRole(template.href, applicationPassword)
  project.provide('adminUrl', server.adminUrl)
  project.provide('applicationPassword', applicationPassword)
  return async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}
