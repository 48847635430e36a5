/** Keys, tokens and the audit on the command line, and a service that asks for a token. */
import { readFileSync, statSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CONFIG, Folder, linesOf, type Running } from './command-line.ts';

let folder: Folder;
beforeEach(() => {
  folder = new Folder();
  folder.write('backline.config.ts', CONFIG);
});
afterEach(() => folder.remove());

const urlOf = async (service: Running): Promise<string> => {
  await service.says(/"kind":"started"/);
  return String(linesOf(service.stdout).find(({ kind }) => kind === 'started')!['url']);
};

test('a key is made, used, and replaced by another while the jobs stay readable', { timeout: 60_000 }, async () => {
  const made = await folder.run(['keys', 'generate']);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[\w+/]{43}=\n$/) });
  const file = folder.at('keys');
  expect(await folder.ask('keys', 'generate', '--file', file)).toMatchObject([{ kind: 'key', file }]);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const again = await folder.run(['keys', 'generate', '--file', file]);
  expect(again).toMatchObject({ code: 6, stderr: expect.stringContaining('FILE_EXISTS') });

  const env = { BACKLINE_KEY_FILE: file };
  expect((await folder.run(['add', 'sum', '{"a":1,"b":2,"token":"open sesame"}'], { env })).code).toBe(0);
  expect(readFileSync(folder.at('data/backline.db'), 'latin1')).not.toContain('open sesame');
  const rotated = await folder.run(['keys', 'rotate', '--new', '--json'], { env });
  expect(linesOf(rotated.stdout)).toMatchObject([{ rewritten: 1, current: 0, unreadable: 0 }]);
  const [fresh, old] = readFileSync(file, 'utf8').trim().split('\n');
  expect((await folder.run(['keys', 'rotate'], { env: { BACKLINE_KEY: fresh! } })).code).toBe(0);
  const wrong = await folder.run(['keys', 'rotate'], { env: { BACKLINE_KEY: old! } });
  expect(wrong).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/which this process does not have.*keep the keys/s),
  });
  const variable = await folder.run(['keys', 'rotate', '--new'], { env: { BACKLINE_KEY: fresh! } });
  expect(variable).toMatchObject({ code: 2, stderr: expect.stringContaining('BACKLINE_OLD_KEYS') });
  const bad = await folder.run(['add', 'sum', '{"token":"x1234"}'], { env: { BACKLINE_KEY: 'my password' } });
  expect(bad).toMatchObject({ code: 2, stderr: expect.stringContaining('BAD_SECRET_KEY') });
  expect(bad.stderr).not.toContain('my password');
});

test('tokens are made, listed, renewed and ended; the audit tells by whom', { timeout: 60_000 }, async () => {
  const made = await folder.run([
    'tokens',
    'create',
    '--name',
    'ci',
    '--scope',
    'operate',
    '--tenants',
    'a, b',
    '--expires',
    '1h',
  ]);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^bl_[0-9a-f]{16}_[\w-]{43}\n$/) });
  const id = made.stdout.split('_')[1]!;
  const [listed] = await folder.ask('tokens', 'ls');
  expect(listed).toMatchObject({
    id,
    name: 'ci',
    scope: 'operate',
    queues: null,
    tenants: ['a', 'b'],
    revokedAt: null,
  });
  expect((await folder.run(['tokens', 'ls'])).stdout).toMatch(/ci\s+operate\s+all\s+a, b\s+never\s+valid until/);
  const [renewed] = await folder.ask('tokens', 'rotate', id);
  expect(renewed!['token']).not.toBe(made.stdout.trim());
  expect(await folder.ask('tokens', 'revoke', id)).toMatchObject([{ id, outcome: 'revoked' }]);
  expect((await folder.run(['tokens', 'revoke', id])).code).toBe(5);
  expect((await folder.run(['tokens', 'create', '--name', 'x', '--scope', 'root'])).code).toBe(2);
  expect((await folder.run(['tokens', 'create'])).code).toBe(2);
  const elsewhere = await folder.run(['tokens', 'ls'], { env: { BACKLINE_URL: 'http://127.0.0.1:1' } });
  expect(elsewhere.stderr).toContain('NEEDS_DATABASE');
  const lines = await folder.ask('audit', 'ls');
  expect(lines.map(({ action, door, target }) => [action, door, target])).toEqual([
    ['tokens.revoke', 'cli', id],
    ['tokens.rotate', 'cli', id],
    ['tokens.create', 'cli', id],
  ]);
  expect(JSON.stringify(lines)).not.toContain(made.stdout.trim().slice(20));
  expect(await folder.ask('audit', 'ls', '--action', 'tokens.rotate', '--since', '1h', '--limit', '5')).toHaveLength(1);
});

test('a service that asks for a token serves commands that have one, and writes down what they did', {
  timeout: 60_000,
}, async () => {
  const [admin] = await folder.ask('tokens', 'create', '--name', 'Ada', '--scope', 'admin');
  const [bound] = await folder.ask('tokens', 'create', '--name', 'Bob', '--scope', 'operate', '--tenants', 'bob');
  const service = folder.start(['start', '--host', '0.0.0.0', '--port', '0', '--json']);
  const url = (await urlOf(service)).replace('0.0.0.0', '127.0.0.1');
  const as = (token: unknown) => ({ env: { BACKLINE_URL: url, BACKLINE_TOKEN: String(token) } });
  const without = await folder.run(['jobs', 'ls', '--url', url]);
  expect(without).toMatchObject({ code: 6, stderr: expect.stringContaining('NOT_AUTHENTICATED') });
  const added = await folder.run(['add', 'sum', '{"a":1,"b":2}', '--tenant', 'ada', '--json'], as(admin!['token']));
  expect(added.code).toBe(0);
  const listed = await folder.run(['jobs', 'ls', '--json'], as(admin!['token']));
  expect(linesOf(listed.stdout)).toMatchObject([{ tenant: 'ada' }]);
  const seen = await fetch(`${url}/api/jobs`, { headers: { authorization: `Bearer ${bound!['token']}` } });
  expect(await seen.json()).toEqual({ jobs: [], next: null });
  expect((await service.end('SIGTERM')).code).toBe(0);
  const [line] = await folder.ask('audit', 'ls', '--door', 'http');
  expect(line).toMatchObject({ actor: `Ada (${admin!['id']})`, action: 'jobs.enqueue', count: 1 });
});

test('what commands change of schedules is in the audit, without what their jobs get', {
  timeout: 60_000,
}, async () => {
  const add = ['schedules', 'add', 'nightly', '--type', 'sum', '--cron', '0 2 * * *', '--payload', '{"a":7777,"b":1}'];
  expect(await folder.run(add)).toMatchObject({ code: 0 });
  for (const verb of ['pause', 'resume', 'run'])
    expect((await folder.run(['schedules', verb, 'nightly'])).code).toBe(0);
  expect((await folder.run(['schedules', 'show', 'nightly'])).code).toBe(0);
  const lines = await folder.ask('audit', 'ls', '--target', 'nightly');
  expect(lines.map(({ action, door }) => [action, door])).toEqual([
    ['schedules.run', 'cli'],
    ['schedules.resume', 'cli'],
    ['schedules.pause', 'cli'],
    ['schedules.add', 'cli'],
  ]);
  expect(JSON.stringify(lines)).not.toContain('7777');
});
