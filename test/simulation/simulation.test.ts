import { simulationSuite } from './simulation-suite.ts'

simulationSuite({ preemptions: 1, seededRuns: 400 })
