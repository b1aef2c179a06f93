/**
 * @module event-ruler: EventBridge's own matcher of patterns, asked a batch of questions at once: a virtual machine is slow to begin.
 * It does not judge a pattern's length.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { oraclePath } from './own-server.ts'

export interface RulerQuestion {
  pattern: object
  event: object
}

export interface RulerAnswer {
  /** What is wrong with the pattern. */
  fault: string | null
  /** Missing for a pattern that is wrong. */
  matches?: boolean
  /** How many states an event may lead into at once; EventBridge refuses patterns with very many. */
  complexity?: number
}

/** @throws Error if it is not installed, or fails. */
export const askEventRuler = async (questions: readonly RulerQuestion[]): Promise<RulerAnswer[]> => {
  const libraries = oraclePath('event-ruler', 'ruler/lib')
  const source = join(import.meta.dirname, 'EventRulerJudge.java')
  const judge = spawn('java', [
    '-XX:TieredStopAtLevel=1',
    '-XX:+UseSerialGC',
    '-cp',
    `${libraries}/*`,
    source,
  ])
  const ended = once(judge, 'exit')
  // Its exit says why, where it does not read.
  judge.stdin.on('error', () => undefined)
  judge.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''))
  const [answers, faults] = await Promise.all([text(judge.stdout), text(judge.stderr)])
  const [code] = (await ended) as [number | null]
  if (code !== 0) throw new Error(`event-ruler ended with ${code}: ${faults}`)
  return answers
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as RulerAnswer)
}
