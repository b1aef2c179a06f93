/**
 * @module postgres-rows: a PostgreSQL cluster on a volume, written while snapshots are taken, and started where it was restored.
 *
 * It runs as its own user and listens on a socket in a folder of its own.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, globSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { run } from '../pool-file-system.ts'
import { sh } from './mounting.ts'
import { checkRows, rowCheck, rowWriter, type RowWriter } from './row-writer.ts'

/** Debian has the server's programs in a folder for each version. */
const programs = (): string => globSync('/usr/lib/postgresql/*/bin').at(-1) ?? ''

export const hasPostgres = (): boolean => existsSync(join(programs(), 'initdb'))

const postgresUser = (): { uid: number; gid: number } => ({
  uid: Number(run('id', '-u', 'postgres')),
  gid: Number(run('id', '-g', 'postgres')),
})

/** Of its own, so that the user `postgres` may write to it. */
const makeFolder = (path: string): void => {
  const { uid, gid } = postgresUser()
  mkdirSync(path, { mode: 0o700 })
  chownSync(path, uid, gid)
}

const settings = {
  listen_addresses: '',
  fsync: 'on',
  synchronous_commit: 'on',
  shared_buffers: '8MB',
  max_connections: '8',
  min_wal_size: '4MB',
  max_wal_size: '16MB',
  checkpoint_timeout: '30s',
}

export interface PostgresCluster {
  sockets: string
  /** How long recovery and start took. */
  startMs: number
  stop(): Promise<void>
}

const untilReady = async (server: ChildProcess, data: string): Promise<void> => {
  if (!server.stderr) throw new Error('postgres has no stderr')
  const said: string[] = []
  for await (const line of createInterface({ input: server.stderr })) {
    said.push(line)
    if (line.includes('ready to accept connections')) return void server.stderr.resume()
  }
  throw new Error(`postgres did not start on ${data}: ${said.join('\n')}`)
}

/** `sockets` is a folder to make. */
export const startPostgres = async (data: string, sockets: string): Promise<PostgresCluster> => {
  if (!existsSync(sockets)) makeFolder(sockets)
  const began = performance.now()
  const options = Object.entries({ ...settings, unix_socket_directories: sockets })
  const args = ['-D', data, ...options.flatMap(([key, value]) => ['-c', `${key}=${value}`])]
  const server = spawn(join(programs(), 'postgres'), args, {
    ...postgresUser(),
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(server, 'exit')
  await untilReady(server, data)
  return {
    sockets,
    startMs: performance.now() - began,
    stop: async () => {
      // A fast shutdown: clients are cut off, and everything is written.
      server.kill('SIGINT')
      await ended
    },
  }
}

const clusterIn = (folder: string): string => join(folder, 'postgres')

/** A new one, on a mounted volume. */
export const newPostgres = async (folder: string, sockets: string): Promise<PostgresCluster> => {
  const data = clusterIn(folder)
  makeFolder(data)
  const options = ['--auth=trust', '--no-locale', '--encoding=UTF8', '--wal-segsize=1', '--no-sync']
  await sh('runuser', ['-u', 'postgres', '--', join(programs(), 'initdb'), '-D', data, ...options])
  return startPostgres(data, sockets)
}

const psqlArgs = (sockets: string): string[] => {
  const connection = ['--host', sockets, '--username', 'postgres', '--dbname', 'postgres']
  return [...connection, '--no-psqlrc', '--quiet', '--tuples-only', '--no-align', '--set=ON_ERROR_STOP=1']
}

const createTable = 'CREATE TABLE rows (n bigint PRIMARY KEY, payload text NOT NULL)'
const padded = `lpad(n::text, 512, '0')`

const pauseMs = 10

/** psql says a row's number when the server has answered that it is committed; only then the next is sent. */
export const postgresWriter = async ({ sockets }: PostgresCluster): Promise<RowWriter> => {
  await sh('psql', [...psqlArgs(sockets), '--command', createTable])
  const psql = spawn('psql', psqlArgs(sockets), { stdio: 'pipe' })
  const send = (n: number): void => {
    if (psql.stdin.writable)
      psql.stdin.write(`INSERT INTO rows SELECT n, ${padded} FROM (VALUES (${n})) AS v (n) RETURNING n;\n`)
  }
  const writer = rowWriter(psql, {
    name: 'psql',
    onCommitted: (n) => void setTimeout(() => send(n + 1), pauseMs),
  })
  send(1)
  return writer
}

/** Recovers from its log. How many rows it has. @throws Error unless all that were committed are there. */
export const checkPostgresRows = async (
  folder: string,
  sockets: string,
  committed: number,
): Promise<{ rows: number; startMs: number }> => {
  // It names the process that runs on the original, which a restore on another machine would not find.
  rmSync(join(clusterIn(folder), 'postmaster.pid'), { force: true })
  const cluster = await startPostgres(clusterIn(folder), sockets)
  try {
    const answer = await sh('psql', [...psqlArgs(sockets), '--command', rowCheck(padded)])
    const [rows = NaN, last = NaN, wrong = NaN] = answer.trim().split('|').map(Number)
    checkRows({ rows, last, wrong }, committed, 'postgres')
    return { rows, startMs: cluster.startMs }
  } finally {
    await cluster.stop()
  }
}
