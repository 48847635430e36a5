/** Managers for tests: silent, impatient, in memory or on a fresh file, and closed when the test is over. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type BacklineError,
  type EventMap,
  type EventName,
  JobManager,
  type Jobs,
  type ManagerOptions,
} from 'backline';
import { expect, onTestFinished } from 'vitest';
import { EVENT_NAMES } from '../src/engine/events.ts';

/** A folder that is removed after the test. */
export const freshFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'backline-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** The path of a database file that does not exist yet. */
export const freshFile = (): string => join(freshFolder(), 'jobs.db');

/** Says nothing and waits for nothing long. Durability of tests is proven elsewhere, so they do not wait for the disk. */
export const IMPATIENT = {
  logger: false,
  handleSignals: false,
  retryDelay: 10,
  pollInterval: 50,
  grace: 50,
  durability: 'process',
} as const satisfies ManagerOptions;

/** A manager that is not started yet. */
export const newManager = <J extends Jobs>(options: ManagerOptions<J> = {}, database = ':memory:'): JobManager<J> => {
  const manager = new JobManager(database, { ...IMPATIENT, ...options });
  onTestFinished(() => manager.close({ timeout: 0 }));
  return manager;
};

export const startManager = async <J extends Jobs>(
  options: ManagerOptions<J> = {},
  database = ':memory:',
): Promise<JobManager<J>> => {
  const manager = newManager(options, database);
  await manager.start();
  return manager;
};

/** What was heard, in order. */
export type Heard = { [E in EventName]: { readonly name: E } & EventMap[E] }[EventName];

/** Writes down every event from now on. */
export const listen = <J extends Jobs>(manager: JobManager<J>): Heard[] => {
  const heard: Heard[] = [];
  for (const name of EVENT_NAMES) manager.on(name, (event: object) => heard.push({ name, ...event } as Heard));
  return heard;
};

/** The events of one name, in order. */
export const only = <E extends EventName>(heard: readonly Heard[], name: E): ({ readonly name: E } & EventMap[E])[] =>
  heard.filter((event) => event.name === name) as unknown as ({ readonly name: E } & EventMap[E])[];

/** The states that a job went through, as its events told. */
export const statesOf = (heard: readonly Heard[], jobId: string): string[] =>
  only(heard, 'job-status-changed').flatMap((event) => (event.jobId === jobId ? [event.status] : []));

/** The coded error that something throws or rejects with. */
export const refusalOf = async (attempt: () => unknown): Promise<BacklineError> => {
  try {
    await attempt();
  } catch (error) {
    expect(error).toMatchObject({ name: 'BacklineError', code: expect.stringMatching(/^[A-Z_]+$/) });
    return error as BacklineError;
  }
  return expect.unreachable('it was not refused');
};

/** The code of that error. */
export const codeOf = async (attempt: () => unknown): Promise<string> => (await refusalOf(attempt)).code;
