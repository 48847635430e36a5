/** What the audit says of a call that changed something: who, what, to which, to how many. Payloads and results stay out of it. */
import type { Client } from '../../engine/client.ts';
import { isRecord } from '../../job/check.ts';
import { messageOf } from '../../util/text.ts';
import type { Caller } from './access.ts';
import type { Context } from './context.ts';

type AuditRecord = Parameters<Client['audit']['record']>[0];

/** Fields of an input that say what was asked, and are neither data of a job nor its target. */
const TELLING = [
  ...[
    'type',
    'priority',
    'runAt',
    'reason',
    'until',
    'maxRunning',
    'tree',
    'name',
    'scope',
    'queues',
    'tenants',
    'expiresIn',
  ],
  ...['queue', 'tenant', 'parent', 'key', 'limitKey', 'delay', 'open', 'failurePolicy'],
];

/** A caller as the audit names it. */
export const actorOf = ({ id, name }: Pick<Caller, 'id' | 'name'>): string => (id === name ? name : `${name} (${id})`);

/** What was done is done: if that cannot be written down, it is said, and the caller is not told that it failed. */
export const writeDown = async ({ audit }: Pick<Client, 'audit'>, record: AuditRecord): Promise<void> => {
  try {
    await audit.record(record);
  } catch (error) {
    process.emitWarning(`${record.action} was done, but could not be written into the audit: ${messageOf(error)}`);
  }
};

export const recordOf = (
  { caller, door = 'http' }: Context,
  action: string,
  input: unknown,
  output: unknown,
): AuditRecord => {
  const asked = isRecord(input) ? input : {};
  const answered = isRecord(output) ? output : {};
  const options = isRecord(asked['options']) ? asked['options'] : {};
  const target = [asked['id'], answered['id'], asked['name'], asked['key']].find((one) => typeof one === 'string');
  const told = Object.entries({ ...options, ...asked }).filter(
    ([name, value]) => TELLING.includes(name) && value !== undefined,
  );
  return {
    ...{ actor: actorOf(caller), door, action },
    target: (target as string | undefined) ?? null,
    filter: asked['which'] ?? null,
    count: countOf(asked, answered),
    detail: told.length > 0 ? Object.fromEntries(told) : null,
  };
};

const countOf = (asked: Readonly<Record<string, unknown>>, answered: Readonly<Record<string, unknown>>): number => {
  const { done, cancelled, requested, jobs } = answered;
  if (typeof done === 'number') return done;
  if (typeof cancelled === 'number' && typeof requested === 'number') return cancelled + requested;
  if (Array.isArray(jobs)) return jobs.length + (asked['type'] === undefined ? 0 : 1);
  return 1;
};
