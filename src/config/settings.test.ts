import { describe, expect, test } from 'vitest';
import { checkManagerOptions } from '../engine/manager-options.ts';
import type { BacklineError } from '../job/backline-error.ts';
import type { ConfigFile } from './file.ts';
import { type Config, OPTION_NAMES, OPTIONS, type OptionName } from './options.ts';
import { flagName, resolveSettings } from './settings.ts';

const file = (config: object): ConfigFile => ({ path: '/app/backline.config.ts', name: 'backline.config.ts', config });

const resolve = (
  sources: { flags?: Record<string, string>; environment?: Record<string, string>; file?: object } = {},
) =>
  resolveSettings({
    flags: sources.flags ?? {},
    environment: sources.environment ?? {},
    file: sources.file ? file(sources.file) : null,
  });

const refusal = (sources: Parameters<typeof resolve>[0]): BacklineError => {
  try {
    resolve(sources);
  } catch (error) {
    return error as BacklineError;
  }
  throw new Error('it was not refused');
};

describe('precedence', () => {
  const all = { flags: { port: '1' }, environment: { PORT: '2' }, file: { port: 3 } };

  test.each<[string, Parameters<typeof resolve>[0], number, string, string]>([
    ['a flag wins over all', all, 1, 'flag', '--port'],
    ['the environment wins over the file', { ...all, flags: {} }, 2, 'environment', 'PORT'],
    ['the file wins over the default', { file: all.file }, 3, 'file', 'backline.config.ts'],
    ['else the default holds', {}, 4700, 'default', 'default'],
  ])('%s', (_, sources, value, from, place) => {
    const { settings, origins } = resolve(sources);
    expect(settings.port).toBe(value);
    expect(origins.find(({ name }) => name === 'port')).toEqual({ name: 'port', shown: String(value), from, place });
  });

  test.each(OPTION_NAMES.map((name) => [name] as const))('%s can be set by flag, variable and file alike', (name) => {
    const text = SAMPLES[name];
    const fromFlag = resolve({ flags: { [name]: text } }).settings[name];
    const fromVariable = resolve({ environment: { [OPTIONS[name].env]: text } }).settings[name];
    const fromFile = resolve({ file: { [name]: OPTIONS[name].read(text) } }).settings[name];
    expect(fromVariable).toEqual(fromFlag);
    expect(fromFile).toEqual(fromFlag);
    expect(fromFlag).not.toEqual(resolve().settings[name]);
  });

  test('a value that a stronger source hides is checked all the same', () => {
    expect(refusal({ flags: { port: '1' }, environment: { PORT: 'abc' } }).message).toMatch(/PORT in the environment/);
  });

  test('flags and variables are unique', () => {
    for (const word of ['flag', 'env'] as const)
      expect(new Set(OPTION_NAMES.map((name) => OPTIONS[name][word])).size).toBe(OPTION_NAMES.length);
  });
});

/** For each setting a text that is not its default. */
const SAMPLES: Record<OptionName, string> = {
  database: ':memory:',
  jobsDir: 'drop',
  dropType: 'catalog',
  uploadsDir: 'files',
  maxUploadBytes: '1000',
  processId: 'processor-1',
  queues: 'emails, reports',
  maxConcurrentJobs: '3',
  defaultTimeout: '2',
  maxRetries: '0',
  retryDelay: '250',
  shutdownTimeout: '3s',
  grace: '2s',
  lease: '5s',
  stuckLoopLimit: '1m',
  pollInterval: '200ms',
  progressUpdateInterval: '2s',
  cleanupInterval: '5m',
  keepCompleted: '1d',
  keepFailed: 'false',
  maxFinished: 'false',
  keepMetrics: '1d',
  maxPayloadBytes: '2048',
  maxLogBytes: '0',
  ids: 'uuid-v4',
  durability: 'process',
  busyTimeout: '1s',
  timeZone: 'Europe/Berlin',
  host: '::1',
  requireToken: 'true',
  publicUrl: 'https://jobs.example.test',
  allowedHosts: 'backline,jobs.lan',
  trustProxy: 'true',
  keepAudit: '1d',
  port: '0',
  logLevel: 'DEBUG',
};

describe('what texts mean', () => {
  test.each<[OptionName, string, unknown]>([
    ['defaultTimeout', '2', 2000],
    ['defaultTimeout', '5m', 300_000],
    ['defaultTimeout', 'false', null],
    ['shutdownTimeout', '10s', 10_000],
    ['shutdownTimeout', '10', 10],
    ['keepFailed', 'false', null],
    ['queues', 'a, b,c', ['a', 'b', 'c']],
    ['logLevel', 'DEBUG', 'debug'],
    ['logLevel', 'INFO', 'info'],
    ['logLevel', 'WARNING', 'warn'],
    ['logLevel', 'warn', 'warn'],
    ['logLevel', 'Error', 'error'],
  ])('%s %s', (name, text, value) => {
    expect(resolve({ flags: { [name]: text } }).settings[name]).toEqual(value);
  });
});

describe('bad values', () => {
  test.each<[OptionName, string]>([
    ['port', 'abc'],
    ['port', 'NaN'],
    ['port', '-1'],
    ['port', '65536'],
    ['port', '1.5'],
    ['port', '1e3'],
    ['port', 'Infinity'],
    ['port', ' '],
    ['logLevel', 'LOUD'],
    ['logLevel', 'toString'],
    ['defaultTimeout', 'abc'],
    ['defaultTimeout', '-1'],
    ['defaultTimeout', 'NaN'],
    ['maxRetries', '-1'],
    ['maxRetries', 'many'],
    ['maxConcurrentJobs', '0'],
    ['maxConcurrentJobs', '99999999999999999999'],
    ['shutdownTimeout', '-5s'],
    ['shutdownTimeout', '5 parsecs'],
    ['requireToken', 'yes'],
    ['trustProxy', '1'],
    ['pollInterval', '0'],
    ['lease', '10ms'],
    ['queues', 'a,,b'],
    ['queues', 'a b'],
    ['dropType', '../x'],
    ['durability', 'none'],
    ['timeZone', 'Berlin'],
    ['ids', 'uuid-v1'],
    ['processId', 'x'.repeat(101)],
    ['processId', '\ud800'],
    ['maxFinished', '-1'],
  ])('%s %j is refused as a flag and in the environment, naming which', (name, text) => {
    const { flag, env } = OPTIONS[name];
    const byFlag = refusal({ flags: { [name]: text } });
    const byVariable = refusal({ environment: { [env]: text } });
    for (const [error, place] of [
      [byFlag, flagName(flag)],
      [byVariable, `${env} in the environment`],
    ] as const) {
      expect(error.code).toBe(name === 'timeZone' ? 'INVALID_TIME_ZONE' : 'INVALID_OPTION');
      expect(error.field).toContain(place);
      expect(error.allowed).toBeTruthy();
      expect(error.message.length).toBeLessThan(500);
    }
  });

  test.each<[OptionName, unknown]>([
    ['port', Number.NaN],
    ['port', Number.POSITIVE_INFINITY],
    ['port', -1],
    ['port', '4700'],
    ['port', null],
    ['port', 4700n],
    ['port', () => 4700],
    ['database', ''],
    ['database', 5],
    ['database', ['a']],
    ['queues', 'emails'],
    ['queues', [1]],
    ['defaultTimeout', Number.NaN],
    ['defaultTimeout', -1],
    ['defaultTimeout', true],
    ['keepFailed', Number.NEGATIVE_INFINITY],
    ['maxFinished', 1.5],
    ['host', {}],
    ['logLevel', 3],
    ['jobsDir', ''],
  ])('%s: %s in the config file is refused, naming the file', (name, value) => {
    const error = refusal({ file: { [name]: value } });
    expect(error.code).toBe('INVALID_OPTION');
    expect(error.field).toContain(`${name} in backline.config.ts`);
  });

  test('an unknown name in the config file gets a suggestion', () => {
    const error = refusal({ file: { prot: 4700 } });
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.message).toMatch(/backline\.config\.ts has no option "prot".*Did you mean "port"\?/);
  });

  test('an unknown variable with our prefix gets a suggestion; those of others are left alone', () => {
    const error = refusal({ environment: { BACKLINE_QUEUE: 'a', HOME: '/', PORTS: 'x' } });
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.message).toMatch(/The environment has no option "BACKLINE_QUEUE".*Did you mean "BACKLINE_QUEUES"\?/);
    expect(resolve({ environment: { HOME: '/', PORTS: 'x' } }).settings.port).toBe(4700);
  });

  test('a mistake within a job type is refused with the name of the type', () => {
    const error = refusal({ file: { jobs: { welcome: { run: () => 1, maxAttemps: 3 } } } as Config });
    expect(error.code).toBe('UNKNOWN_OPTION');
    expect(error.message).toMatch(/job type "welcome" has no option "maxAttemps".*Did you mean "maxAttempts"\?/);
  });

  test('a password is shown nowhere', () => {
    const address = 'postgres://ada:s3cr/e@t@db.example.test/jobs?sslpassword=s3cret';
    const { origins } = resolve({ environment: { DATABASE_URL: address } });
    const { shown } = origins.find(({ name }) => name === 'database')!;
    expect(shown).toBe('postgres://***@db.example.test/jobs?sslpassword=***');
    const refused = refusal({ flags: { database: address.padEnd(5000, 'x') } });
    expect(JSON.stringify({ ...refused, message: refused.message })).not.toMatch(/s3cr/);
  });
});

describe('the JobManager', () => {
  const names = [
    'maxConcurrentJobs',
    'retryDelay',
    'shutdownTimeout',
    'grace',
    'lease',
    'stuckLoopLimit',
    'pollInterval',
    'progressUpdateInterval',
    'cleanupInterval',
    'maxPayloadBytes',
    'maxLogBytes',
    'ids',
    'durability',
    'busyTimeout',
    'processId',
    'queues',
    'defaultTimeout',
  ] as const;

  test('has the same defaults', () => {
    const given = Object.fromEntries(names.map((name) => [name, OPTIONS[name].default ?? undefined]));
    const { keepCompleted, keepFailed, maxFinished, keepMetrics } = OPTIONS;
    const retention = {
      completed: keepCompleted.default!,
      failed: keepFailed.default!,
      maxFinished: maxFinished.default!,
      metrics: keepMetrics.default!,
    };
    const maxAttempts = (OPTIONS.maxRetries.default as number) + 1;
    const comparable = (options: object) => ({ ...checkManagerOptions(options), defaultWait: null });
    expect(comparable({ ...given, retention, maxAttempts })).toEqual(comparable({}));
  });

  test.each(
    names.flatMap((name) =>
      [-1, 0, 1, 9, 10, 99, 100, 499, 500, 1e6, 1e9, Number.NaN, false, 'x', '1s'].map(
        (value) => [name, value] as const,
      ),
    ),
  )('allows the same: %s %s', (name, value) => {
    const allows = (check: () => unknown) => {
      try {
        check();
        return true;
      } catch {
        return false;
      }
    };
    expect(allows(() => resolve({ file: { [name]: value } }))).toBe(
      allows(() => checkManagerOptions({ [name]: value })),
    );
  });
});
