import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { BacklineError } from '../job/backline-error.ts';
import { checkJobTypes, job } from '../job/define.ts';
import type { Job } from '../job/job.ts';
import { Keyring, newKey, parseKey, prependKey, readKeyFile, writeKeyFile } from './keyring.ts';
import { bindingOf, Vault } from './vault.ts';

const KEY = Buffer.alloc(32, 'a1b2').toString('base64');
const OTHER = Buffer.alloc(32, 'c3d4').toString('base64');
const types = checkJobTypes({ mail: job({ secrets: ['pin', 'list.*.pin'], notSecret: ['pageToken'], run: () => 1 }) });
const mail = types.get('mail');
const a = { id: 'a', key: null, scheduleId: null };

const vaultOf = (key: string | undefined = KEY, oldKeys: string[] = []) =>
  new Vault(new Keyring({ key, oldKeys }, () => 'postgres://host/db'));

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    return (error as BacklineError).code;
  }
  return 'none';
};

describe('a secret', () => {
  const payload = { to: 'ada', pin: 1234, token: 'open sesame', pageToken: 'p2', list: [{ pin: 'x', n: 1 }] };
  const sealed = vaultOf().seal(JSON.stringify(payload), mail, 'job a');

  test('is not in what is stored, and comes back as it was', () => {
    expect(sealed).not.toMatch(/1234|sesame/);
    expect(sealed).toMatch(/"to":"ada".*"pageToken":"p2"/);
    const opened = vaultOf().open(JSON.parse(sealed), a, mail);
    expect(opened.payload).toEqual(payload);
    expect(opened.scrubber.text('open sesame 1234 ada')).toBe('*** *** ada');
  });

  test('is never encrypted alike twice', () => {
    const texts = Array.from({ length: 50 }, () => vaultOf().seal('{"token":"abcd"}', mail, 'job a'));
    expect(new Set(texts).size).toBe(50);
  });

  test('cannot be read for another job, at another place, or after a change', () => {
    const stored = JSON.parse(sealed) as Record<string, { $secret: string }>;
    expect(codeOf(() => vaultOf().open(stored, { id: 'b', key: null, scheduleId: null }, mail))).toBe(
      'SECRET_UNREADABLE',
    );
    const moved = { ...stored, token: stored['pin'] };
    expect(codeOf(() => vaultOf().open(moved, a, mail))).toBe('SECRET_UNREADABLE');
    const text = stored['token']!.$secret;
    for (const wrong of [
      text.slice(0, -2),
      `${text.slice(0, -4)}AAAA`,
      'v1.x.y',
      'v2.abc',
      '',
      text.replace('v1', 'v9'),
    ])
      expect(codeOf(() => vaultOf().open({ token: { $secret: wrong } }, a, mail))).toBe('SECRET_UNREADABLE');
  });

  test('under a key that is not here says which', () => {
    const read = () => vaultOf(OTHER).open(JSON.parse(sealed), a, mail);
    expect(read).toThrow(new RegExp(`payload.pin is encrypted with the key ${parseKey(KEY, 'x').id}`));
    expect(codeOf(read)).toBe('SECRET_KEY_MISSING');
    expect(vaultOf(OTHER, [KEY]).open(JSON.parse(sealed), a, mail).payload).toEqual(payload);
  });

  test('without any key is not stored', () => {
    const vault = vaultOf('', []);
    expect(codeOf(() => vault.seal('{"token":"abcd"}', mail, 'job a'))).toBe('SECRET_KEY_MISSING');
    expect(vault.seal('{"to":"ada"}', mail, 'job a')).toBe('{"to":"ada"}');
  });

  test('that pretends to be encrypted is refused', () => {
    expect(codeOf(() => vaultOf().find({ a: { $secret: 'v1.x' } }, mail))).toBe('INVALID_PAYLOAD');
  });

  test('of a batch callback is read by the job that it becomes, in every life of the batch', () => {
    const text = vaultOf().seal('{"payload":{"token":"abcd"}}', undefined, 'callback c');
    for (const id of ['c', 'c:2', 'c:13'])
      expect(vaultOf().open(JSON.parse(text), { id, key: null, scheduleId: null }, undefined).payload).toEqual({
        payload: { token: 'abcd' },
      });
    expect(codeOf(() => vaultOf().open(JSON.parse(text), { id: 'd', key: null, scheduleId: null }, undefined))).toBe(
      'SECRET_UNREADABLE',
    );
  });

  test('of a job that may replace another is read by whichever has the key', () => {
    const binding = bindingOf({ id: 'new', key: 'k', onConflict: 'replace' });
    const text = vaultOf().seal('{"token":"abcd"}', mail, binding);
    expect(vaultOf().open(JSON.parse(text), { id: 'old', key: 'k', scheduleId: null }, mail).payload).toEqual({
      token: 'abcd',
    });
    expect(codeOf(() => vaultOf().open(JSON.parse(text), { id: 'new', key: 'l', scheduleId: null }, mail))).toBe(
      'SECRET_UNREADABLE',
    );
  });

  test('moves to the current key, with what it belongs to', () => {
    const vault = vaultOf(OTHER, [KEY]);
    const anew = vault.resealed(sealed, a)!;
    expect(vaultOf(OTHER).open(JSON.parse(anew), a, mail).payload).toEqual(payload);
    expect(codeOf(() => vaultOf(OTHER).open(JSON.parse(anew), { id: 'b', key: null, scheduleId: null }, mail))).toBe(
      'SECRET_UNREADABLE',
    );
    expect(vault.resealed(anew, a)).toBeNull();
    expect(codeOf(() => vaultOf(OTHER).resealed(sealed, a))).toBe('SECRET_KEY_MISSING');
  });

  test('that a person left masked in an edited payload is the old one', () => {
    const old = { id: 'a', key: null, payload: JSON.parse(sealed), result: null } as unknown as Job;
    const edited = { to: 'bob', pin: '***', token: 'new', list: [{ pin: '***', n: 2 }, { pin: '***' }] };
    expect(vaultOf().edited(edited, old, mail)).toEqual({
      ...edited,
      pin: 1234,
      list: [{ pin: 'x', n: 2 }, { pin: '***' }],
    });
  });
});

describe('a key', () => {
  test('is 32 bytes, as base64 or as hexadecimal digits, and has an id that does not tell it', () => {
    const hex = Buffer.from(KEY, 'base64').toString('hex');
    const url = Buffer.from(KEY, 'base64').toString('base64url');
    const ids = [KEY, hex, hex.toUpperCase(), url, ` ${KEY}\n`].map((text) => parseKey(text, 'x').id);
    expect(new Set(ids).size).toBe(1);
    expect(ids[0]).toMatch(/^[0-9a-f]{12}$/);
    expect(KEY).not.toContain(ids[0]!);
  });

  test.each([
    '',
    'short',
    'x'.repeat(43),
    `${'a'.repeat(63)}g`,
    'a'.repeat(64),
    `${KEY}${KEY}`,
    'correct horse battery staple',
  ])('that is none is refused and not shown: %j', (text) => {
    if (text === 'x'.repeat(43)) return expect(parseKey(text, 'BACKLINE_KEY').bytes).toHaveLength(32);
    const read = () => parseKey(text, 'BACKLINE_KEY');
    expect(codeOf(read)).toBe('BAD_SECRET_KEY');
    if (text) expect(read).not.toThrow(text);
  });

  test('that is new is random', () => {
    expect(new Set(Array.from({ length: 20 }, newKey)).size).toBe(20);
    expect(parseKey(newKey(), 'x').bytes).toHaveLength(32);
  });
});

describe('where keys come from', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'backline-keys-'));
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  const seal = (keyring: Keyring) => new Vault(keyring).seal('{"token":"abcd"}', undefined, 'job a');
  const open = (keyring: Keyring, text: string) => new Vault(keyring).open(JSON.parse(text), a, undefined).payload;

  test('beside a database file one is made when it is first needed, for its owner alone, and used from then on', () => {
    const database = join(folder, 'jobs.db');
    const keyring = new Keyring({}, () => database);
    expect(codeOf(() => keyring.byId('0'.repeat(12), 'x'))).toBe('SECRET_KEY_MISSING');
    expect(() => statSync(`${database}.key`)).toThrow();
    const text = seal(keyring);
    expect(statSync(`${database}.key`).mode & 0o777).toBe(0o600);
    expect(open(new Keyring({}, () => database), text)).toEqual({ token: 'abcd' });
    expect(new Keyring({}, () => database).file).toBe(`${database}.key`);
  });

  test('of two processes that need one at once, both use the same', () => {
    const [one, two] = [1, 2].map(() => new Keyring({}, () => join(folder, 'jobs.db')));
    for (const keyring of [one!, two!])
      expect(codeOf(() => keyring.byId('0'.repeat(12), 'x'))).toBe('SECRET_KEY_MISSING');
    expect(open(two!, seal(one!))).toEqual({ token: 'abcd' });
    expect(open(one!, seal(two!))).toEqual({ token: 'abcd' });
  });

  test('in memory it lives as long as the process', () => {
    const keyring = new Keyring({}, () => ':memory:');
    expect(open(keyring, seal(keyring))).toEqual({ token: 'abcd' });
    expect(codeOf(() => open(new Keyring({}, () => ':memory:'), seal(keyring)))).toBe('SECRET_KEY_MISSING');
    expect(keyring.file).toBeNull();
  });

  test('what the manager is given outweighs the environment, and that the file', () => {
    const file = join(folder, 'keys');
    writeKeyFile(file, newKey());
    vi.stubEnv('BACKLINE_KEY', OTHER);
    const id = (keyring: Keyring) => keyring.current('x').id;
    expect(id(new Keyring({ key: KEY }, () => ''))).toBe(parseKey(KEY, 'x').id);
    expect(id(new Keyring({ keyFile: file }, () => ''))).toBe(parseKey(OTHER, 'x').id);
    vi.stubEnv('BACKLINE_KEY', '');
    vi.stubEnv('BACKLINE_KEY_FILE', file);
    expect(id(new Keyring({}, () => ''))).toBe(readKeyFile(file)[0]!.id);
  });

  test('old keys of the environment are read and not written with', () => {
    vi.stubEnv('BACKLINE_KEY', KEY);
    vi.stubEnv('BACKLINE_OLD_KEYS', `${OTHER}, `);
    const keyring = new Keyring({}, () => '');
    expect(keyring.byId(parseKey(OTHER, 'x').id, 'x').bytes).toEqual(Buffer.from(OTHER, 'base64'));
    expect(keyring.current('x').id).toBe(parseKey(KEY, 'x').id);
    vi.stubEnv('BACKLINE_KEY', '');
    const reader = new Keyring({}, () => 'postgres://x');
    expect(reader.byId(parseKey(OTHER, 'x').id, 'x')).toBeDefined();
    expect(codeOf(() => reader.current('x'))).toBe('SECRET_KEY_MISSING');
  });

  test('a file that others can read is refused', () => {
    const file = join(folder, 'keys');
    writeFileSync(file, newKey(), { mode: 0o644 });
    expect(codeOf(() => readKeyFile(file))).toBe('KEY_FILE_OPEN');
    expect(codeOf(() => readKeyFile(join(folder, 'none')))).toBe('UNREADABLE');
    expect(codeOf(() => new Keyring({ keyFile: file }, () => '').current('x'))).toBe('KEY_FILE_OPEN');
  });

  test('a process that runs reads a new key as soon as it meets it', () => {
    const file = join(folder, 'keys');
    writeKeyFile(file, newKey());
    const runs = new Keyring({ keyFile: file }, () => '');
    const before = seal(runs);
    prependKey(file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    const later = new Keyring({ keyFile: file }, () => '');
    expect(open(runs, seal(later))).toEqual({ token: 'abcd' });
    expect(open(later, before)).toEqual({ token: 'abcd' });
    expect(runs.current('x').id).toBe(readKeyFile(file)[0]!.id);
  });

  test('a file is never overwritten', () => {
    const file = join(folder, 'keys');
    expect(writeKeyFile(file, 'one')).toBe(true);
    expect(writeKeyFile(file, 'two')).toBe(false);
    expect(readFileSync(file, 'utf8')).toBe('one\n');
  });
});
