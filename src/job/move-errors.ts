/** Errors of a move between databases; part of errors.ts, which hands them on. */
import { error } from './backline-error.ts';

/** How a database stands marked while its jobs go elsewhere, and afterwards. */
export type MoveState = 'moving' | 'moved';

export const storeMoved = error('STORE_MOVED', (where: string, to: string, state: MoveState) => ({
  message:
    state === 'moved'
      ? `The jobs of ${where} have moved to ${to}.`
      : `The jobs of ${where} are being moved to ${to}, and the move is not finished.`,
  field: 'database',
  found: where,
  next:
    state === 'moved'
      ? 'Name the new address with --database or DATABASE_URL. What stays here is a copy.'
      : 'Run the same backline move again to finish it, or give it up with: backline move --unmark --from … --to …',
}));

export const moveUnfinished = error('MOVE_UNFINISHED', (where: string, from: string) => ({
  message: `The jobs of ${from} are being moved to ${where}, and not all of them are here yet.`,
  field: 'database',
  found: where,
  next: 'Run the same backline move again to finish it, or give it up with: backline move --unmark --from … --to …',
}));

export const workersAlive = error('WORKERS_ALIVE', (where: string, workers: string) => ({
  message: `Workers of ${where} are alive: ${workers}.`,
  field: 'database',
  found: workers,
  next: 'Stop them first: jobs cannot move while they run. A worker that was killed counts as alive until its lease ends.',
}));

export const targetNotEmpty = error('TARGET_NOT_EMPTY', (where: string, what: string) => ({
  message: `${where} already holds ${what}: jobs of two databases cannot be put together.`,
  field: '--to',
  found: what,
  next: 'Name an empty database; for PostgreSQL, another ?schema= is enough. This one was not changed.',
}));

export const moveConflict = error('MOVE_CONFLICT', (where: string, what: string) => ({
  message: `This move into ${where} cannot go on: ${what}.`,
  field: '--to',
  found: what,
  next: 'Look whether another backline move is running; if none is, run the same command again.',
}));

export const moveDiffers = error('MOVE_DIFFERS', (where: string, differences: string) => ({
  message: `What was moved to ${where} is not what was read: ${differences}.`,
  field: '--to',
  found: differences,
  next: 'Neither side can be used as it is. Give the move up with backline move --unmark --from … --to …, which leaves the source as it was, and report it.',
}));

export const moveFinished = error('MOVE_FINISHED', (where: string, to: string) => ({
  message: `The jobs of ${where} have moved to ${to}, where they go on: what waits here would run a second time.`,
  field: '--from',
  found: where,
  next: 'Move them back into a new database, with --from and --to the other way round. To use this old copy all the same, add --force.',
}));
