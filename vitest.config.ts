import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** A file at a time on each core; by itself vitest leaves one core idle, which of two is half. */
const parallel = Math.max(2, availableParallelism())
const slow = ['test/**/*.db.test.{ts,tsx}', 'test/**/*.e2e.test.ts']

/** One runner; what a file needs is told by its suffix, because test/ mirrors src/. */
export default defineConfig({
  // React is not installed: its example is run with hono/jsx (test/support/react.d.ts).
  resolve: {
    alias: [
      { find: /^react\/jsx-(dev-)?runtime$/, replacement: 'hono/jsx/jsx-$1runtime' },
      { find: /^react$/, replacement: 'hono/jsx' },
    ],
  },
  test: {
    globalSetup: ['test/support/postgres-setup.ts'],
    // By itself a second: a machine that stands still for one decides no test.
    expect: { poll: { timeout: 30_000 } },
    teardownTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.{ts,tsx}'],
          exclude: slow,
          // For machines that have other work too; alone the slowest takes a few seconds.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: parallel,
        },
      },
      {
        extends: true,
        test: {
          name: 'db',
          include: ['test/**/*.db.test.{ts,tsx}'],
          maxWorkers: parallel,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          // After the others: a browser beside them would wait for its turn. Among themselves they mostly wait for pages.
          sequence: { groupOrder: 1 },
          maxWorkers: parallel,
          // Axe alone looks at some eighty pages in one of them, which takes two minutes where six others work beside.
          testTimeout: 600_000,
          hookTimeout: 180_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'faults',
          include: ['test/faults/**/*.faults.ts'],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
