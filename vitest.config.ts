import { defineConfig } from 'vitest/config'

const interop = ['**/*.interop.test.ts']
/** What takes a quarter of an hour by itself: run beside the others by .ci/run. */
const long = ['test/{pool-model,messages}/*.interop.test.ts']

const judged = {
  testTimeout: 600_000,
  hookTimeout: 600_000,
  fileParallelism: false,
}

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
      { test: { ...judged, name: 'interop', include: interop, exclude: ['node_modules/**', ...long] } },
      { test: { ...judged, name: 'long', include: long, exclude: ['node_modules/**'] } },
    ],
  },
})
