import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { PerformCommand } from './command.ts'
import { openJournal, type Journal } from './journal.ts'

const now = () => new Date('2026-01-01T00:00:00Z')
const expiresAt = '2026-01-01T01:00:00.000Z'

const open = (path = ':memory:'): Journal => openJournal({ path, node: 'node-1', now })

const command = (operationId: string): PerformCommand => ({
  version: 1,
  command: 'perform',
  operationId,
  attempt: 1,
  kind: 'create-snapshot',
  volume: 'web',
  generation: 1,
  parameters: { snapshot: 'daily', labels: {}, onlyIfWritten: false },
  expiresAt,
})

const said = (journal: Journal): string[] =>
  journal.outbox(100).map(({ report }) => `${report.operationId} ${report.sequence} ${report.event.kind}`)

const idsOf = (journal: Journal): string[] =>
  journal.unfinished().map(({ command: { operationId } }) => operationId)

describe('a journal', () => {
  it('takes a command on once, and reports a second one as the first stands', () => {
    const journal = open()
    expect(journal.accept(command('a'))).toBe('new')
    expect(journal.accept({ ...command('a'), attempt: 2 })).toBe('known')
    journal.begin('a')
    journal.end('a', { kind: 'succeeded', result: { snapshot: 'daily' } })
    expect(journal.accept(command('a'))).toBe('known')
    expect(idsOf(journal)).toEqual([])
    expect(said(journal)).toEqual([
      'a 1 accepted',
      'a 2 accepted',
      'a 3 progress',
      'a 4 succeeded',
      'a 5 succeeded',
    ])
    expect(journal.outbox(100).at(-1)?.report.event).toEqual({
      kind: 'succeeded',
      result: { snapshot: 'daily' },
    })
  })

  it('has after a restart what was accepted, begun, cancelled, and written down', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drover-journal-'))
    const path = join(folder, 'journal.db')
    const before = open(path)
    for (const id of ['a', 'b', 'c']) before.accept(command(id))
    before.begin('b')
    before.writeCheckpoint('b', { backup: 'none yet' }, Buffer.from('one, '))
    before.writeCheckpoint('b', { backup: 'backup-1' }, Buffer.from('two'))
    before.cancel('c', expiresAt)
    before.close()
    const after = open(path)
    expect(after.unfinished()).toEqual([
      { command: command('a'), state: 'accepted', isCancelled: false, checkpoint: undefined },
      {
        command: command('b'),
        state: 'begun',
        isCancelled: false,
        checkpoint: { data: { backup: 'backup-1' }, appended: Buffer.from('one, two') },
      },
      { command: command('c'), state: 'accepted', isCancelled: true, checkpoint: undefined },
    ])
    expect(said(after)).toHaveLength(4)
    after.end('b', { kind: 'cancelled' })
    expect(idsOf(after)).toEqual(['a', 'c'])
    after.close()
    rmSync(folder, { recursive: true })
  })

  it('lets a cancel win that came before its command', () => {
    const journal = open()
    journal.cancel('a', expiresAt)
    expect(journal.isCancelled('a')).toBe(true)
    expect(journal.isCancelled('b')).toBe(false)
    expect(journal.accept(command('a'))).toBe('new')
    expect(journal.unfinished()).toMatchObject([{ isCancelled: true }])
    journal.end('a', { kind: 'cancelled' })
    expect(idsOf(journal)).toEqual([])
  })

  it('ends what it refuses, and leaves alone what is under way', () => {
    const journal = open()
    const failure = { code: 'unreadable', message: 'no command' }
    journal.refuse('a', failure, expiresAt)
    expect(journal.accept(command('a'))).toBe('known')
    journal.accept(command('b'))
    journal.refuse('b', failure, expiresAt)
    expect(idsOf(journal)).toEqual(['b'])
    expect(said(journal)).toEqual(['a 1 refused', 'a 2 refused', 'b 1 accepted'])
  })

  it('keeps reports until they were sent', () => {
    const journal = open()
    journal.accept(command('a'))
    journal.accept(command('b'))
    const [first] = journal.outbox(1)
    journal.sent([first?.id ?? -1])
    expect(said(journal)).toEqual(['b 1 accepted'])
    journal.sent([first?.id ?? -1, 999])
    expect(said(journal)).toEqual(['b 1 accepted'])
  })

  it('forgets what has ended and expired, and nothing else', () => {
    const journal = open()
    for (const id of ['ended', 'begun']) journal.accept(command(id))
    journal.end('ended', { kind: 'cancelled' })
    journal.cancel('never came', expiresAt)
    journal.forget(new Date('2026-01-01T00:30:00Z'))
    expect(journal.accept(command('ended'))).toBe('known')
    expect(journal.isCancelled('never came')).toBe(true)
    journal.forget(new Date('2026-01-01T02:00:00Z'))
    expect(journal.accept(command('ended'))).toBe('new')
    expect(journal.isCancelled('never came')).toBe(false)
    expect(idsOf(journal)).toEqual(['begun', 'ended'])
  })
})
