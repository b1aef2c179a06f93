import { defineConfig } from 'vitest/config'

const interop = ['**/*.interop.test.ts']

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: ['{lib,cli,agent,functions,standalone,test}/**/*.test.ts'],
          exclude: interop,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'interop',
          include: interop,
          exclude: ['node_modules/**'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
    ],
  },
})
