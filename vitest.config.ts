import { defineConfig } from 'vitest/config'

const interop = ['**/*.interop.test.ts']
/** About half of the time that they all take: run beside the others by .ci/run. Those of the package are not to be parted. */
const long = ['test/{pool-model,aws,template}/*.interop.test.ts']

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
