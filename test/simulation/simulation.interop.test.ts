/**
 * All that is promised: every schedule of two with at most 3 preemptions, and 20,000 of five. It needs nobody but Node, and
 * minutes, so it runs beside the suites that third parties judge.
 */
import { simulationSuite } from './simulation-suite.ts'

simulationSuite({ preemptions: 3, seededRuns: 20_000 })
