import { defineConfig } from 'vitest/config'

const slow = ['test/**/*.db.test.{ts,tsx}', 'test/**/*.e2e.test.ts']

/** One runner; what a file needs is told by its suffix, because test/ mirrors src/. */
export default defineConfig({
  test: {
    globalSetup: ['test/support/postgres-setup.ts'],
    projects: [
      { test: { name: 'unit', include: ['test/**/*.test.{ts,tsx}'], exclude: slow, testTimeout: 20_000 } },
      {
        test: {
          name: 'db',
          include: ['test/**/*.db.test.{ts,tsx}'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.e2e.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.faults.ts'],
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
})
