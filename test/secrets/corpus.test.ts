/**
 * With everything logged, a corpus of secrets goes through every door and every way a handler can blurt them out: none of them may
 * be found in the database, the log, the events, the answers of the API, or what the command line prints.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { JobManager, job, startServer } from 'backline';
import { createClient } from 'backline/client';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest';
import { enqueueOptionsOf } from '../../src/doors/http/queue-words.ts';
import { newKey } from '../../src/engine/keyring.ts';
import { embedded18, freshSchema, query, type Server, startServer as startPostgres } from '../conformance/postgres.ts';
import { Folder, linesOf } from '../journeys/command-line.ts';
import { freshFile, IMPATIENT, listen } from '../managers.ts';
import { until } from '../wait.ts';

/** As they are met in the world, with what makes them hard to find. */
const SECRETS = {
  access_token: 'ya29.a0AfH6SMBx-9k_L2mNopQrStUvWxYz0123456789',
  refreshToken: '1//0gAbCdEfGhIjKl-mNoPqRsTuVwXyZ"quoted"',
  Authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl',
  apiKey: 'sk-live_51H8aBcDeFgHiJkLmNoPq',
  'X-API-Key': 'AKIAIOSFODNN7EXAMPLE',
  password: 'p@ss wörd/with\\back\nand newline',
  db_password: 'hunter2&friends=all',
  clientSecret: 'GOCSPX-ünïcödé-🔑-secret',
  private_key:
    '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END PRIVATE KEY-----',
  'Set-Cookie': 'session=8f14e45fceea167a5a36dedd4bea2543; HttpOnly',
  credentials: { user: 'svc-backline-ro', keys: ['k-3c59dc048e8850243be8079a5c74d079'] },
  pin: 73_915_264,
};

const leaves = (value: unknown): string[] =>
  typeof value === 'object' && value !== null ? Object.values(value).flatMap(leaves) : [String(value)];
const VALUES = leaves(SECRETS);

/** Every form in which one could stand somewhere. */
const FORMS = VALUES.flatMap((value) => [
  value,
  JSON.stringify(value).slice(1, -1),
  JSON.stringify(JSON.stringify(value)).slice(3, -3),
  encodeURIComponent(value),
  Buffer.from(value).toString('base64').replace(/=+$/, '').slice(0, -1),
  Buffer.from(value).toString('hex'),
  ...value.split('\n').filter((line) => line.length >= 16 && !line.startsWith('---')),
]);

const found = (where: string, text: string): string[] =>
  FORMS.filter((form) => text.includes(form)).map((form) => `${where}: ${form}`);

const payload = { user: 'ada', nested: [{ deep: SECRETS }], ...SECRETS };
type Payload = typeof payload;
const { pin: _, ...named } = SECRETS;

/** What the command line knows of the types. */
const CONFIG = `
  import { defineConfig, job } from 'backline';
  export default defineConfig({ jobs: { tell: job({ secrets: ['pin', 'nested.*.deep.pin'], run: () => 1 }) } });
`;

const says = (input: Payload): string => `${JSON.stringify(input)} ${leaves(input).join(' ')}`;

const types = {
  tell: job({
    secrets: ['pin', 'nested.*.deep.pin'],
    run: (input: Payload, ctx) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const)
        ctx.log[level]({ input, all: leaves(input) }, says(input));
      ctx.progress({ done: 1, total: 2, message: says(input) });
      return { input, text: says(input), [String(input.apiKey)]: 1 };
    },
  }),
  fail: job({
    secrets: ['pin', 'nested.*.deep.pin'],
    maxAttempts: 2,
    backoff: 1,
    run: (input: Payload) => {
      const cause = new AggregateError([new Error(String(input.password))], String(input.apiKey));
      throw Object.assign(new TypeError(says(input), { cause }), { code: String(input.apiKey) });
    },
  }),
  refuse: job({
    secrets: ['pin', 'nested.*.deep.pin'],
    run: (input: Payload, ctx) => ctx.cancel(`because of ${says(input)}`),
  }),
  end: job({ secrets: ['payload.pin', 'payload.nested.*.deep.pin'], run: (input: { payload: Payload }) => input }),
};

let server: Server;
beforeAll(async () => {
  server = await startPostgres(embedded18);
});
afterAll(() => server.dispose());

let folder: Folder;
afterEach(() => folder.remove());

const everythingIn = async (database: string): Promise<string> => {
  if (!database.startsWith('postgres')) {
    const path = join(database, '..');
    const files = readdirSync(path).filter((name) => !name.endsWith('.key'));
    // Bytes as they are: what is not ASCII is looked for in the bytes of UTF-8.
    return files.map((name) => readFileSync(join(path, name)).toString('utf8')).join('\n');
  }
  const schema = new URL(database).searchParams.get('schema')!;
  const tables = await query(database, 'SELECT tablename::text AS name FROM pg_tables WHERE schemaname = $1', [schema]);
  const texts = await Promise.all(
    tables.map(async ({ name }) =>
      JSON.stringify(await query(database, `SELECT t::text AS row FROM ${schema}.${name} t`)),
    ),
  );
  expect(tables.length).toBeGreaterThan(15);
  return texts.join('\n');
};

/** The live feed, all of it. */
const followed = (url: string) => {
  const ends = new AbortController();
  let text = '';
  const follow = async (): Promise<void> => {
    const { body } = await fetch(`${url}/api/events`, { signal: ends.signal });
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) text += chunk;
  };
  const following = follow().catch(() => {});
  const stop = (): Promise<void> => {
    ends.abort();
    return following;
  };
  return { text: () => text, stop };
};

test.each([
  ['SQLite', () => freshFile()],
  ['PostgreSQL', () => freshSchema(server)],
])('no secret is found anywhere, on %s', { timeout: 120_000 }, async (_, url) => {
  folder = new Folder();
  const [database, key] = [url(), newKey()];
  const log: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => log.push(line) });
  const manager = new JobManager(database, { ...IMPATIENT, logger, jobs: types, secrets: { key } });
  await manager.start();
  onTestFinished(() => manager.close({ timeout: 0 }));
  const heard = listen(manager);
  const service = await startServer(manager as unknown as JobManager, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => service.close());
  const client = createClient({ url: service.url });
  const answers: unknown[] = [];
  const note = <T>(answer: T): T => {
    answers.push(answer);
    return answer;
  };

  const live = followed(service.url);
  await until(() => live.text() !== '');
  onTestFinished(live.stop);

  // In, by every way there is.
  const ids: string[] = [];
  for (const type of ['tell', 'fail', 'refuse'] as const) {
    ids.push((await manager.enqueue(type, payload)).id);
    ids.push(note(await client.jobs.enqueue({ type, payload })).id);
  }
  note(await client.jobs.enqueueMany({ jobs: [{ type: 'tell', payload }] }));
  const batch = note(
    await client.batches.enqueue({
      type: 'all',
      // A batch has a type of its own that marks nothing: there names alone count.
      payload: named,
      jobs: [{ type: 'tell', payload }],
      onEnd: { type: 'end', payload },
    }),
  );
  const held = note(await client.jobs.enqueue({ type: 'tell', payload, options: { held: true, key: 'k' } }));
  note(await client.jobs.enqueue({ type: 'tell', payload, options: { key: 'k', onConflict: 'replace' } }));
  folder.write('backline.config.ts', CONFIG);
  const env = { DATABASE_URL: database, BACKLINE_KEY: key, LOG_LEVEL: 'DEBUG' };
  const added = await folder.run(['add', 'tell', JSON.stringify(payload), '--json', '--debug'], { env });
  expect(added.code).toBe(0);
  ids.push(String(linesOf(added.stdout)[0]!['id']));
  ids.push(note(await client.jobs.replay({ id: ids[0]! })).id);
  ids.push(note(await client.jobs.replay({ id: ids[0]!, payload: { ...payload, user: 'bob', apiKey: '***' } })).id);
  await manager.resumeJob(held.id);
  ids.push(held.id, batch.id);
  const nightly = { id: 'nightly', type: 'tell', cron: '0 2 * * *' } as const;
  note(await client.schedules.add({ ...nightly, payload }));
  note(await client.schedules.update({ id: 'nightly', payload: { ...payload, user: 'bob' } }));
  ids.push(note(await client.schedules.run({ id: 'nightly' })).id);
  await manager.schedules.register({ ...nightly, id: 'registered', payload });
  const many = { which: { type: ['tell'] }, action: { kind: 'replay' as const } };
  ids.push(note(await client.bulk.start({ ...many, which: { id: [ids[0]!] } })).id);
  const program = enqueueOptionsOf({ program_id: 7 });
  ids.push((await manager.enqueue('tell', payload, program)).id);
  await until(async () => (await manager.count({ status: ['created', 'queued', 'running'] })) === 0);

  // Wrong in every way.
  const refusals = [
    () => client.jobs.enqueue({ type: 'unknown', payload }),
    () => client.jobs.enqueue({ type: 'tell', payload, options: { key: String(SECRETS['apiKey']) } }),
    () => client.jobs.enqueue({ type: 'tell', payload, options: { tags: ['AKIAIOSFODNN7EXAMPLE'] } }),
    () => client.jobs.enqueue({ type: 'tell', payload: { ...payload, $secret: 'x', y: { $secret: 'v1.x' } } }),
    () => client.jobs.result({ id: ids[2]!, timeoutMs: 0 }),
    () => client.schedules.add({ ...nightly, id: 'x', payload, options: { key: String(SECRETS['apiKey']) } }),
    () => client.schedules.update({ id: 'nightly', payload: { ...payload, $secret: { $secret: 'v1.x' } } }),
    () => client.schedules.add({ ...nightly, type: 'unknown', id: 'x', payload }),
    () => client.bulk.start({ ...many, which: { q: `payload.apiKey:${SECRETS['apiKey']}` } }),
  ];
  for (const refusal of refusals)
    await refusal().then(
      () => expect.unreachable('it was not refused'),
      (error: Error) => note([error.message, error.stack, JSON.stringify(error), String(error.cause)]),
    );

  // Out, by every way there is.
  for (const id of ids) {
    note(await client.jobs.get({ id }));
    note(await client.jobs.attempts({ id }));
    note(await client.jobs.logs({ id }));
    note(await client.jobs.explain({ id }));
    note([await manager.get(id), await manager.attempts(id), await manager.logs(id)]);
  }
  note([
    await client.jobs.list({ limit: 1000 }),
    await client.audit.list({}),
    await manager.getAllJobs(),
    await client.health.get(),
    await client.schedules.list({}),
    await client.schedules.get({ id: 'nightly' }),
    await client.schedules.history({ id: 'nightly' }),
    await manager.schedules.list(),
    await client.bulk.preview(many),
  ]);
  const endpoints = ['/job-queue/status', '/job-queue/jobs/7', '/api/events?kind=none'];
  for (const path of ['/', '/status', '/status.json', '/api/jobs?limit=1000', '/api/schedules', ...endpoints])
    note(await (await fetch(service.url + path)).text());
  const printed = [added];
  for (const args of [
    ['jobs', 'ls'],
    ['jobs', 'show', ids[0]!],
    ['jobs', 'show', ids[2]!],
    ['logs', ids[0]!],
    ['audit', 'ls'],
    ['schedules', 'ls'],
    ['schedules', 'show', 'nightly'],
    ['schedules', 'history', 'nightly'],
    ['explain', ids[0]!],
    ['doctor'],
  ])
    for (const more of [[], ['--json']]) printed.push(await folder.run([...args, ...more, '--debug'], { env }));
  await until(() => live.text().includes(`"jobId":"${ids[0]}"`));
  await live.stop();
  await service.close();
  await manager.close();

  expect(JSON.stringify(answers)).toContain('***');
  expect(log.length).toBeGreaterThan(20);
  expect(heard.length).toBeGreaterThan(30);
  expect(printed.map(({ stdout }) => stdout).join('')).toContain('***');
  expect([
    ...found('answers', answers.map((answer) => JSON.stringify(answer)).join('\n')),
    ...found('events', JSON.stringify(heard)),
    ...found('live', live.text()),
    ...found('log', log.join('')),
    ...found('printed', printed.map(({ stdout, stderr }) => stdout + stderr).join('\n')),
    ...found('database', await everythingIn(database)),
  ]).toEqual([]);
});

test('what is looked for would be found', () => {
  expect(FORMS.length).toBeGreaterThan(60);
  for (const value of VALUES) {
    expect(found('', JSON.stringify({ value })), value).not.toEqual([]);
    expect(found('', JSON.stringify(JSON.stringify({ value }))), value).not.toEqual([]);
  }
});
