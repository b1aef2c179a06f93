/**
 * @module host: everything that volumes do to the machine, as a port: a test stops it at each of its calls.
 *
 * Each call that changes something is on the disk when it returns, unless it says otherwise.
 */
export interface Host {
  /** Asks a program of the system something, without changing anything. Its stdout. @throws VolumeError `missing-program`, `host-failed`. */
  ask(program: string, args: readonly string[]): Promise<string>
  /** Has a program change something. @throws VolumeError `missing-program`, `host-failed`. */
  run(program: string, args: readonly string[]): Promise<string>
  /** Starts a program that goes on if this process dies. `stop` ends it, with what it started. */
  startWatchdog(program: string, args: readonly string[]): Promise<{ stop(): void }>
  makeFolder(path: string): Promise<void>
  /** Nothing there is fine. */
  removeTree(path: string): Promise<void>
  /** A new file of zeros, all of it a hole. */
  makeFile(path: string, sizeBytes: number): Promise<void>
  resizeFile(path: string, sizeBytes: number): Promise<void>
  /** Shares the content, by FICLONE. Not yet on the disk. */
  cloneFile(from: string, to: string): Promise<void>
  /** A file's content, and the folder that names it. */
  sync(path: string): Promise<void>
  setMode(path: string, mode: number): Promise<void>
  /** Replaces a small file: after a crash it has its old content or its new. */
  writeRecord(path: string, text: string): Promise<void>
}
