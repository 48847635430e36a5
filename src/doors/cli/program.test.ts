/** What the command line refuses, as tables. That commands do what they should is shown with real processes in test/journeys. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PassThrough, Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { runProgram, type Streams } from './program.ts';

interface Given {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer | undefined;
}

/** Runs one command in this process, as `main.ts` does it. */
const run = async (args: readonly string[], { env = {}, input = '' }: Given = {}) => {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()] as const;
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const stdin = Readable.from([Buffer.from(input)]);
  const texts = [stdout, stderr].map(async (stream) => {
    let text = '';
    for await (const chunk of stream) text += chunk;
    return text;
  });
  const code = await runProgram(args, { stdin, stdout, stderr } as unknown as Streams);
  stdout.end();
  stderr.end();
  vi.unstubAllEnvs();
  const [out, err] = await Promise.all(texts);
  return { code, stdout: out!, stderr: err! };
};

const errorOf = ({ stderr }: { stderr: string }): unknown => JSON.parse(stderr.trim().split('\n').at(-1)!);

const home = process.cwd();
let folder: string;

const enter = (): void => {
  folder = mkdtempSync(join(tmpdir(), 'backline-program-'));
  process.chdir(folder);
};

const leave = (): void => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
};

describe('in an empty folder', () => {
  beforeEach(enter);
  afterEach(leave);

  test.each<[string[], RegExp]>([
    [[], /^✗ USAGE {2}No command was given\.\n {2}→ backline --help\n$/],
    [['jbos'], /Unknown command 'jbos'.*\n {2}→ Did you mean jobs\?/],
    [['jobs', 'list'], /Unknown command 'list'/],
    [['jobs', 'ls', '--limt', '5'], /Unknown option '--limt'.*\n {2}→ Did you mean --limit\?/],
    [['jobs', 'ls', '--limit', '0'], /--limit is "0"/],
    [['jobs', 'ls', '--limit', 'many'], /--limit is "many"/],
    [['jobs', 'ls', '--order', 'random'], /--order.*newest, oldest, next/],
    [['jobs', 'show'], /Missing required argument 'ids'/],
    [['jobs', 'cancel'], /not said which jobs.*\n {2}→ .*--where/],
    [['jobs', 'rm', 'a', '--all'], /exclude each other/],
    [['jobs', 'retry', '--where', ''], /filter of --where is empty/],
    [['jobs', 'retry', '--where', 'status:fialed'], /BAD_WHERE.*Allowed: created, queued.*Did you mean "failed"/s],
    [['jobs', 'ls', '--where', 'failed'], /BAD_WHERE.*has no key/],
    [['jobs', 'edit', 'a'], /not said what to change/],
    [['jobs', 'edit', 'a', '--at', 'tomorrow'], /INVALID_OPTION {2}--at is "tomorrow"/],
    [['jobs', 'edit', 'a', '--in', '5m', '--now'], /exclude each other/],
    [['queues', 'pause', 'a', '--until', '2020-01-01T00:00Z'], /--until.*time to come/s],
    [['status', '--max-failed', '-1'], /--max-failed is -1/],
    [['status', '--timeout', 'soon'], /--timeout is "soon"/],
    [['add'], /Missing required argument 'job'/],
    [['add', 'sum', '{oops'], /INVALID_PAYLOAD {2}payload is no JSON/],
    [['add', 'sum', '--many', '{}'], /read from standard input/],
    [['add', 'sum', '--many', '--id', 'x'], /--id names one job/],
    [['add', 'sum', '--wait-for', 'long'], /--wait-for is "long"/],
    [['config', '--port', 'abc'], /INVALID_OPTION {2}--port is "abc"\.\n {2}Allowed: a whole number from 0 to 65535/],
    [['config', '--config', 'none.ts'], /BAD_CONFIG_FILE.*none\.ts does not exist/],
    [['start', '--host', '0.0.0.0'], /HOST_REFUSED {2}--host is "0\.0\.0\.0"/],
    [['work'], /no job type to run/],
    [['cron', 'explain'], /Missing required argument 'expression'/],
    [['cron', 'explain', '61 * * * *'], /INVALID_CRON.*minute, "61", is out of range\.\n {2}Allowed: 0 to 59/],
    [
      ['cron', 'explain', '@daily', '--tz', 'CEST'],
      /INVALID_TIME_ZONE {2}--tz is "CEST".*→ Did you mean "Europe\/Berlin"/s,
    ],
    [['cron', 'explain', '@daily', '--count', '0'], /INVALID_OPTION {2}--count is 0/],
    [['cron', 'explain', '@daily', '--after', 'noon'], /INVALID_OPTION {2}--after is "noon"/],
    [['jobs', 'ls', '--database', 'mysql://ada:s3cret@db/x'], /UNKNOWN_STORE/],
    [['jobs', 'ls', '--database', ':memory:'], /in memory lives and dies with its process/],
  ])('%j is refused with 2, on standard error alone, and nothing is written', async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).not.toMatch(/s3cret|\n\s+at /);
    expect(readdirSync('.')).toEqual([]);
  });

  test.each<[string, Record<string, string>, RegExp]>([
    ['a port', { PORT: 'abc' }, /PORT in the environment is "abc"/],
    [
      'a log level',
      { LOG_LEVEL: 'LOUD' },
      /LOG_LEVEL in the environment is "LOUD".*Allowed: DEBUG, INFO, WARNING, ERROR/s,
    ],
    ['a time-out', { JOB_TIMEOUT: '-1' }, /JOB_TIMEOUT in the environment is -1/],
    ['a number of retries', { MAX_RETRIES: 'NaN' }, /MAX_RETRIES in the environment is "NaN"/],
    [
      'a variable that does not exist',
      { BACKLINE_QUEUE: 'a' },
      /no option "BACKLINE_QUEUE".*Did you mean "BACKLINE_QUEUES"/s,
    ],
    ['a config file', { BACKLINE_CONFIG: 'none.mjs' }, /none\.mjs does not exist/],
  ])('%s in the environment is refused, naming the variable', async (_, env, message) => {
    const { code, stdout, stderr } = await run(['config'], { env });
    expect(stderr).toMatch(message);
    expect([code, stdout]).toEqual([2, '']);
  });

  test.each([
    [['jobs', 'ls']],
    [['jobs', 'show', 'x']],
    [['jobs', 'cancel', '--all', '--yes']],
    [['logs', 'x']],
    [['tail']],
    [['queues', 'ls']],
    [['queues', 'pause', 'x']],
    [['workers', 'ls']],
    [['status']],
    [['check']],
    [['migrate']],
    [['backup', 'copy.db']],
  ])('%j does not make a database that is not there', async (args) => {
    const ended = await run([...args, '--json']);
    expect([ended.code, ended.stdout]).toEqual([3, '']);
    expect(errorOf(ended)).toMatchObject({ code: 'NO_DATABASE', next: expect.stringContaining('backline start') });
    expect(readdirSync('.')).toEqual([]);
  });
});

test('an error about a setting says where its value came from, and hides what is secret in it', async () => {
  const given = { env: { DATABASE_URL: 'mysql://ada:s3/cr@et@db.example.test/jobs' } };
  const [text, json] = [await run(['jobs', 'ls'], given), await run(['jobs', 'ls', '--json'], given)];
  expect(text.stderr).toMatch(/^✗ UNKNOWN_STORE .*\n {2}from DATABASE_URL\n {2}Allowed: sqlite:/);
  expect(errorOf(json)).toMatchObject({ code: 'UNKNOWN_STORE', field: 'database', from: 'DATABASE_URL' });
  expect(text.stderr + json.stderr).not.toMatch(/s3|cr@et/);
});

describe('with jobs', () => {
  beforeAll(async () => {
    enter();
    await run(['add', 'report', '--id', 'r-1', '--in', '1h']);
  });
  afterAll(leave);

  test.each<[string[], string | Buffer | undefined, number, string]>([
    [['add', 'report', '--id', 'r-1'], undefined, 6, 'DUPLICATE_JOB_ID'],
    [['add', 'report', '--parent', 'nobody'], undefined, 5, 'PARENT_NOT_FOUND'],
    [['add', 'report', '--priority', '0'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--priority', '11'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--priority', 'NaN'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--in', '-5m'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--at', '2030-01-01T00:00'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--in', '5m', '--at', '2030-01-01T00:00Z'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--max-attempts', '0'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--timeout', '-1'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--key-window', '1h'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--key', 'k', '--on-conflict', 'explode'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--queue', '../up'], undefined, 2, 'INVALID_OPTION'],
    [['add', '../report'], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '--id', 'x'.repeat(201)], undefined, 2, 'INVALID_OPTION'],
    [['add', 'report', '{"__proto__":{"a":1}}'], undefined, 2, 'INVALID_PAYLOAD'],
    [['add', 'report', '-'], Buffer.from([0x22, 0xff, 0xfe, 0x22]), 2, 'INVALID_PAYLOAD'],
    [['add', 'report', '-'], JSON.stringify('x'.repeat(1_100_000)), 2, 'PAYLOAD_TOO_LARGE'],
    [['add', 'report', '-'], '['.repeat(300) + ']'.repeat(300), 2, 'INVALID_PAYLOAD'],
    [['add', 'report', '--many'], '{"a":1}\n{"a":\n', 2, 'INVALID_PAYLOAD'],
    [['add', 'report', '--many'], '{"a":1}\n{"__proto__":1}\n', 2, 'INVALID_PAYLOAD'],
    [['jobs', 'show', 'nobody'], undefined, 5, 'JOB_NOT_FOUND'],
    [['jobs', 'retry', 'nobody'], undefined, 5, 'JOB_NOT_FOUND'],
    [['jobs', 'retry', 'r-1'], undefined, 6, 'NOT_ALLOWED_NOW'],
    [['jobs', 'edit', 'nobody', '--now'], undefined, 5, 'JOB_NOT_FOUND'],
    [['jobs', 'edit', 'r-1', '--priority', '11'], undefined, 2, 'INVALID_OPTION'],
    [['jobs', 'ls', '--where', 'type:none'], undefined, 5, 'NOTHING_MATCHED'],
    [['jobs', 'cancel', '--where', 'type:none', '--yes'], undefined, 5, 'NOTHING_MATCHED'],
    [['logs', 'nobody'], undefined, 5, 'JOB_NOT_FOUND'],
    [['queues', 'limit', 'emails', '-1'], undefined, 2, 'INVALID_OPTION'],
    [['queues', 'limit', 'emails', 'few'], undefined, 2, 'INVALID_OPTION'],
    [['queues', 'pause', '../up'], undefined, 2, 'INVALID_OPTION'],
  ])('%j is refused with its code, and nothing is written', async (args, input, code, name) => {
    const before = await run(['jobs', 'ls', '--all', '--json']);
    const ended = await run([...args, '--json'], { input });
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(errorOf(ended)).toMatchObject({ v: 1, code: name });
    expect(await run(['jobs', 'ls', '--all', '--json'])).toEqual(before);
  });
});

describe('the schema of a database', () => {
  beforeEach(enter);
  afterEach(leave);

  test('of a newer version ends every command with 4, and is not touched', async () => {
    await run(['add', 'report']);
    const db = new DatabaseSync('data/backline.db');
    db.exec("INSERT INTO job_schema VALUES (99, 'from the future', 0)");
    db.close();
    for (const args of [['jobs', 'ls'], ['add', 'report'], ['migrate'], ['migrate', '--plan'], ['status']]) {
      const ended = await run([...args, '--json']);
      expect([args, ended.code, ended.stdout]).toEqual([args, 4, '']);
      expect(errorOf(ended)).toMatchObject({ code: 'STORE_NEWER', found: '99' });
    }
    expect((await run(['doctor'])).stdout).toMatch(/✗ store .*has schema 99/);
  });

  test('that is missing is planned, ends the plan with 4, and is made by migrate', async () => {
    writeFileSync('new.db', '');
    const args = ['--database', 'new.db', '--json'];
    const plan = await run(['migrate', '--plan', ...args]);
    expect(plan.code).toBe(4);
    const { missing } = JSON.parse(plan.stdout) as { missing: string[] };
    expect(missing.length).toBeGreaterThan(0);
    expect(statSync('new.db').size).toBe(0);
    const done = await run(['migrate', ...args]);
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({ found: 0, applied: missing });
    expect((await run(['migrate', '--plan', ...args])).code).toBe(0);
  });
});
