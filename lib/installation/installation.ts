/**
 * @module installation: an installation on AWS as a whole: its CloudFormation stack, and what its functions made at run time, of which
 * CloudFormation knows nothing: the rules of recurring jobs, the queues of nodes, the secrets of targets.
 *
 * What was made is known by the stack's name, which begins all of its names.
 */
import { InstallationError } from './installation-error.ts'

export interface StackResource {
  type: string
  /** Its name in its own service; empty where it has none. */
  name: string
}

export type StackState =
  /** With what CloudFormation will keep when the stack is deleted, as far as its template can be read. */
  | { kind: 'there'; id: string; status: string; isDrover: boolean; kept: StackResource[] }
  /** CloudFormation remembers for 90 days; with what it kept then. */
  | { kind: 'deleted'; id: string; deletedAt: string; kept: StackResource[] }
  | { kind: 'unknown' }

export interface StackDeletion {
  status: string
  /** What CloudFormation says of those that it could not delete. */
  failures: string[]
  deletedResources: number
  allResources: number
}

export interface Stack {
  look(): Promise<StackState>
  /** Begins it; safe to repeat. @throws InstallationError `protected`. */
  startDeletion(id: string): Promise<void>
  deletion(id: string): Promise<StackDeletion>
}

/** What the functions made, of one kind. */
export interface Made {
  /** Sorted names: of this installation alone. */
  list(): Promise<string[]>
  /** Nothing there is fine. */
  remove(name: string): Promise<void>
}

/** In the order in which they go: a rule wakes a function, which sends to a queue. */
export const madeKinds = ['rules', 'queues', 'secrets'] as const
export type MadeKind = (typeof madeKinds)[number]

export interface Installation extends Record<MadeKind, Made> {
  stack: Stack
}

/** Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html */
const stackNamePattern = /^[a-zA-Z][a-zA-Z0-9-]{0,127}$/

export interface InstallationNames {
  stack: string
  rulePrefix: string
  queuePrefix: string
  secretPrefix: string
  /** The function that all rules of jobs wake. */
  runJobFunction: string
  /** The queue to which all nodes' queues send what was received too often. */
  nodeDeadLetters: string
}

/** As serverless.yml has them. @throws InstallationError `invalid-stack-name`. */
export const installationNames = (stack: string): InstallationNames => {
  if (!stackNamePattern.test(stack))
    throw new InstallationError('invalid-stack-name', `${JSON.stringify(stack)} is no name of a stack`, {
      hint: 'it has letters, digits and "-", begins with a letter, and is as "aws cloudformation list-stacks" shows it',
    })
  return {
    stack,
    rulePrefix: `${stack}-job-`,
    queuePrefix: `${stack}-node-`,
    secretPrefix: `${stack}/`,
    runJobFunction: `${stack}-run-recurring-job`,
    nodeDeadLetters: `${stack}-nodes-dead.fifo`,
  }
}
