import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { beforeEach, expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'

let project: string
/** A checkout of one source file, with everything installed. */
beforeEach(async () => {
  project = await temporaryFolder('bootstrap')
  for (const file of ['scripts/bootstrap.mjs', 'scripts/build.mjs']) await cp(file, join(project, file))
  await mkdir(join(project, 'src'))
  await writeFile(join(project, 'src', 'main.ts'), 'export const answer: number = 42\n')
  await writeFile(join(project, 'package-lock.json'), '{}')
  await writeFile(join(project, 'tsconfig.json'), '{}')
  await writeFile(
    join(project, 'tsconfig.build.json'),
    JSON.stringify({
      include: ['src'],
      compilerOptions: { rootDir: 'src', module: 'esnext', target: 'esnext' },
    }),
  )
  await mkdir(join(project, 'node_modules', '.bin'), { recursive: true })
  await symlink(resolve('node_modules/.bin/tsc'), join(project, 'node_modules/.bin/tsc'))
  const installed = createHash('sha256').update(`{}${process.platform}${process.arch}`).digest('hex')
  await writeFile(join(project, 'node_modules/.signalbox-installed'), installed)
})

async function bootstrap(): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [join(project, 'scripts/bootstrap.mjs'), '--build'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const code = new Promise<number | null>((resolve) => child.once('exit', resolve))
  return { said: await text(child.stderr), code: await code }
}

test('builds what changed, and nothing twice', async () => {
  expect(await bootstrap()).toEqual({ code: 0, said: 'Building…\n' })
  expect(await readdir(join(project, 'dist'))).toContain('main.js')
  expect(await bootstrap()).toEqual({ code: 0, said: '' })
  await utimes(join(project, 'src', 'main.ts'), new Date(0), new Date(0))
  expect(await bootstrap()).toEqual({ code: 0, said: 'Building…\n' })
})

test('several at once build once, and none goes on before it is done', async () => {
  const all = await Promise.all([bootstrap(), bootstrap(), bootstrap()])
  expect(all.map(({ code }) => code)).toEqual([0, 0, 0])
  expect(all.filter(({ said }) => said.includes('Building…'))).toHaveLength(1)
  expect(await readdir(project)).not.toContain('.bootstrap')
})

test.each(['999999999', ''])('goes on after one that was killed, which left “%s”', async (pid) => {
  await mkdir(join(project, '.bootstrap'))
  await writeFile(join(project, '.bootstrap', 'pid'), pid)
  expect((await bootstrap()).code).toBe(0)
  expect(await readdir(join(project, 'dist'))).toContain('main.js')
})
