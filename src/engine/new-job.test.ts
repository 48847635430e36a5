import { describe, expect, test } from 'vitest';
import { checkJobTypes, job } from '../job/define.ts';
import type { NewJob } from '../job/enqueue-options.ts';
import { Keyring } from './keyring.ts';
import { prepareJob } from './new-job.ts';
import { Vault } from './vault.ts';

const NOW = 1_800_000_000_000;
const vault = new Vault(new Keyring({}, () => ':memory:'));
const system = { timeoutMs: 300_000, maxAttempts: 3, maxPayloadBytes: 1000, newId: () => 'new-id', vault };

const types = checkJobTypes({
  plain: job({ run: () => 1 }),
  own: job({
    queue: 'mails',
    priority: 2,
    maxAttempts: 7,
    maxCrashes: 1,
    timeout: false,
    key: (n: number) => `key ${n}`,
    limitKey: (n: number) => `host ${n}`,
    run: () => 1,
  }),
});

const prepare = (type: string, options: object = {}, payload: unknown = 5): NewJob => {
  const prepared = prepareJob({ type, payload, options }, types, system, NOW);
  return (prepared as Exclude<typeof prepared, Promise<unknown>>).job;
};

describe('a complete job', () => {
  test('takes what nobody says from the system', () => {
    expect(prepare('plain')).toEqual({
      id: 'new-id',
      type: 'plain',
      queue: 'default',
      status: 'queued',
      priority: 5,
      payload: '5',
      runAt: NOW,
      maxAttempts: 3,
      maxCrashes: 5,
      timeoutMs: 300_000,
      key: null,
      keyUntil: null,
      onConflict: 'return',
      limitKey: null,
      parentId: null,
      tenant: null,
      replayOf: null,
      tags: [],
      userInitiated: true,
      expiresAt: null,
      totalMs: null,
    });
  });

  test('takes what its call does not say from its type', () => {
    expect(prepare('own')).toMatchObject({
      queue: 'mails',
      priority: 2,
      maxAttempts: 7,
      maxCrashes: 1,
      timeoutMs: null,
      key: 'key 5',
      limitKey: 'host 5',
    });
  });

  test('takes what its call says before all else', () => {
    const options = { queue: 'q', priority: 9, maxAttempts: 1, maxCrashes: 9, key: 'k', limitKey: 'l' };
    expect(prepare('own', { ...options, timeout: '1s' })).toMatchObject({ ...options, timeoutMs: 1000 });
    expect(prepare('plain', { timeout: false })).toMatchObject({ timeoutMs: null });
    expect(prepare('plain', { timeout: 0 })).toMatchObject({ timeoutMs: 0 });
  });

  test.each<[object, object]>([
    [{ delay: '1m' }, { runAt: NOW + 60_000 }],
    [{ runAt: 5 }, { runAt: 5 }],
    [{ runAt: '2090-01-01T00:00:00Z' }, { runAt: Date.UTC(2090, 0, 1) }],
    [{ held: true }, { status: 'created', runAt: NOW }],
    [{ held: false }, { status: 'queued' }],
    [
      { key: 'k', keyWindow: '1h', onConflict: 'reject' },
      { key: 'k', keyUntil: NOW + 3_600_000, onConflict: 'reject' },
    ],
    [
      { delay: 10, expiresAt: NOW + 11 },
      { runAt: NOW + 10, expiresAt: NOW + 11 },
    ],
    [
      { id: 'mine', parent: 'p', tags: ['a'], userInitiated: false },
      { id: 'mine', parentId: 'p', tags: ['a'], userInitiated: false },
    ],
  ])('%j', (options, expected) => {
    expect(prepare('plain', options)).toMatchObject(expected);
  });

  test.each([NOW, NOW + 9, NOW + 10])('that expires before it may start is refused (%i)', (expiresAt) => {
    expect(() => prepare('plain', { delay: 10, expiresAt })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', field: 'expiresAt' }),
    );
  });
});
