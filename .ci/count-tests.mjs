// Prints "PASSED FAILED" of a vitest JSON report. A skipped test counts as failed unless a line of the list names it.
import { readFileSync } from 'node:fs'

const [reportPath, allowedPath] = process.argv.slice(2)
const allowed = readFileSync(allowedPath, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
const suites = JSON.parse(readFileSync(reportPath, 'utf8')).testResults
const tests = suites.flatMap((suite) => suite.assertionResults)
const skipped = tests.filter((test) => ['pending', 'skipped', 'todo', 'disabled'].includes(test.status))
const unlisted = skipped.filter((test) => !allowed.includes(test.fullName))
for (const test of unlisted) console.error(`skipped, and not in ${allowedPath}: ${test.fullName}`)
const brokenSuites = suites.filter(
  (suite) => suite.status === 'failed' && suite.assertionResults.length === 0,
)
for (const suite of brokenSuites) console.error(`could not be run: ${suite.name}`)
const passed = tests.filter((test) => test.status === 'passed').length
const failed = tests.filter((test) => test.status === 'failed').length
if (passed + failed === 0) process.exit(1)
console.log(`${passed} ${failed + unlisted.length + brokenSuites.length}`)
