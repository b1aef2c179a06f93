/**
 * @module schedule-rules: the port to what wakes a job at its minutes: EventBridge rules, or timers in process.
 *
 * A tick may come twice, late, or in a minute that is not due; whoever is woken decides by the minute that the tick names.
 * Contract: schedule-rules.contract.ts.
 */
export interface ScheduleRule {
  /** Of the job. */
  name: string
  /** Empty in a list: something is there, but not whole; it is to be put again, or removed. */
  cron: string
  isEnabled: boolean
}

export interface Tick {
  rule: string
  /** The minute that is due, ISO 8601 in UTC, whole: `2026-01-01T02:30:00.000Z`. */
  minute: string
}

export interface ScheduleRules {
  /** Makes it, or changes it. @throws ScheduleError `invalid-cron`, `never-due`. */
  put(rule: ScheduleRule): Promise<void>
  /** Nothing there is fine. */
  remove(name: string): Promise<void>
  list(): Promise<ScheduleRule[]>
}
