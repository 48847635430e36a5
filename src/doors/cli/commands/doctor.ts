/** Looks for what is wrong, or soon will be, and names the command that helps. */
import { existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from 'commander';
import type { Resolved } from '../../../config/settings.ts';
import { BacklineError } from '../../../job/backline-error.ts';
import { isBuiltIn } from '../../../job/bulk.ts';
import type { Run } from '../command.ts';
import { type Cli, loadSettings, withDatabase } from '../connect.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../exit-code.ts';
import { bytes, clean, count, type Output, span, time } from '../print.ts';
import { quickReport } from './check.ts';
import { planOf } from './migrate.ts';

type Client = Parameters<Parameters<typeof withDatabase>[2]>[0];

interface Finding {
  readonly name: string;
  readonly level: 'ok' | 'warning' | 'problem';
  readonly says: string;
  readonly next?: string;
}

const NEWEST_FIRST_NODE = [22, 13] as const;
const LONG_WAIT_MS = 5 * 60_000;
const LITTLE_SPACE = 2 ** 30;
const NO_SPACE = 100 * 2 ** 20;
const DAY_MS = 86_400_000;

export const addDoctor = (program: Command, run: Run): void => {
  program
    .command('doctor')
    .description('Look for what is wrong, and say which command helps; end with 1 if there is a problem.')
    .action((_, self: Command) => run(self.optsWithGlobals(), doctor));
};

const doctor = async (cli: Cli): Promise<ExitCode> => {
  const { out } = cli;
  const findings: Finding[] = [node(process.versions.node)];
  const resolved = await loadSettings(cli);
  findings.push(configFile(resolved));
  const { database } = resolved.settings;
  try {
    const { where, found, known, missing } = await planOf(database);
    findings.push(schema(found, known, missing), ...(await store(database, where)));
    // Opening it would repair what is damaged: that is for a person to decide.
    if (!findings.some(({ level }) => level === 'problem'))
      findings.push(...(await withDatabase(cli, { create: false }, (client) => jobs(client, resolved))));
  } catch (error) {
    if (!(error instanceof BacklineError) || exitCodeOf(error) < EXIT.store) throw error;
    findings.push({ name: 'store', level: 'problem', says: error.message });
  }
  for (const finding of findings) await out.record('finding', finding, () => line(finding, out));
  return summary(findings, out);
};

const jobs = async (client: Client, { settings }: Resolved): Promise<Finding[]> => {
  const now = client.now();
  const [stats, queues, allWorkers] = await Promise.all([client.stats(), client.queues(), client.workers()]);
  const alive = allWorkers.filter(({ leaseUntil }) => leaseUntil >= now);
  const failed = await client.count({ status: ['failed', 'timeout'], createdAfter: now - DAY_MS });
  return [
    workers(queues, alive, now),
    ...unknownTypes(stats.byType, alive),
    ...orphans(stats.byStatus.running, alive),
    ...blocked(alive),
    ...queues.filter(({ paused }) => paused).map(paused),
    ...(failed > 0 ? [failures(failed)] : []),
    retention(settings, stats.byStatus),
  ];
};

const node = (version: string): Finding => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [needs, point] = NEWEST_FIRST_NODE;
  if (major > needs || (major === needs && minor >= point)) return { name: 'node', level: 'ok', says: version };
  return {
    name: 'node',
    level: 'problem',
    says: `${version} is too old`,
    next: `Use Node ${needs}.${point} or newer.`,
  };
};

const configFile = ({ file, jobs: types }: Resolved): Finding =>
  file === null
    ? { name: 'config', level: 'ok', says: 'no config file' }
    : { name: 'config', level: 'ok', says: `${file}, ${count(Object.keys(types ?? {}).length, 'job type')}` };

const schema = (found: number, known: number, missing: readonly string[]): Finding =>
  missing.length === 0
    ? { name: 'schema', level: 'ok', says: `${found} = library ${known}` }
    : { name: 'schema', level: 'warning', says: `${found}, the library has ${known}`, next: 'backline migrate' };

const store = async (database: string, where: string): Promise<Finding[]> => {
  const { ok, problems, sizeBytes, isFile } = await quickReport(database);
  const size = {
    name: 'store',
    level: 'ok',
    says: `${isFile ? 'sqlite ' : ''}${where} (${bytes(sizeBytes)})`,
  } as const;
  const integrity: Finding = ok
    ? { name: 'integrity', level: 'ok', says: 'nothing is damaged' }
    : {
        name: 'integrity',
        level: 'problem',
        says: problems[0] ?? 'damaged',
        next: isFile ? 'Stop the service, then: backline check --repair' : 'backline check',
      };
  return [size, integrity, ...space(where)];
};

const space = (where: string): Finding[] => {
  if (!existsSync(where)) return [];
  const { bavail, bsize } = statfsSync(dirname(where));
  const free = bavail * bsize;
  const level = free < NO_SPACE ? 'problem' : free < LITTLE_SPACE ? 'warning' : 'ok';
  return [
    {
      name: 'disk',
      level,
      says: `${bytes(free)} free`,
      ...(level === 'ok' ? {} : { next: 'Free disk space, or keep less: backline config' }),
    },
  ];
};

type Queues = Awaited<ReturnType<Client['queues']>>;
type Workers = Awaited<ReturnType<Client['workers']>>;

/** Jobs that could run, in queues that are open, against workers that serve them. */
const workers = (queues: Queues, alive: Workers, now: number): Finding => {
  const due = queues.filter(({ paused, oldestDueAt }) => !paused && oldestDueAt !== null);
  const waitMs = ({ oldestDueAt }: Queues[number]) => now - (oldestDueAt ?? now);
  const about = (queue: Queues[number]) =>
    `${count(queue.counts.queued, 'job')} waiting in "${queue.name}" (oldest ${span(Math.max(0, waitMs(queue)))})`;
  const served = (name: string) => alive.some((worker) => worker.queues === null || worker.queues.includes(name));
  const unserved = due.find(({ name }) => !served(name));
  if (unserved)
    return {
      name: 'workers',
      level: 'problem',
      says: `${alive.length} alive, ${about(unserved)}`,
      next: alive.length === 0 ? 'backline work' : `backline work --queues ${unserved.name}`,
    };
  const slow = due.find((queue) => waitMs(queue) > LONG_WAIT_MS);
  if (slow)
    return {
      name: 'workers',
      level: 'warning',
      says: `${alive.length} alive, ${about(slow)}`,
      next: 'More workers or a higher --concurrency; see: backline workers ls',
    };
  return {
    name: 'workers',
    level: 'ok',
    says: `${alive.length} alive, ${count(
      alive.reduce((sum, { slots }) => sum + slots, 0),
      'slot',
    )}`,
  };
};

/** Jobs that wait for ever: no worker that is alive has a handler for them. */
const unknownTypes = (byType: Awaited<ReturnType<Client['stats']>>['byType'], alive: Workers): Finding[] => {
  if (alive.length === 0) return [];
  const known = new Set(alive.flatMap(({ types }) => types));
  const unknown = Object.entries(byType).filter(
    ([type, { queued }]) => queued > 0 && !known.has(type) && !isBuiltIn(type),
  );
  return unknown.map(([type, { queued }]) => ({
    name: 'types',
    level: 'problem',
    says: `${count(queued, 'job')} of type "${type}" waiting, and no worker knows that type`,
    next: `Deploy a worker that has it, or: backline jobs cancel --where 'type:${type} status:queued'`,
  }));
};

const orphans = (running: number, alive: Workers): Finding[] => {
  const held = alive.reduce((sum, worker) => sum + worker.running, 0);
  if (running <= held) return [];
  return [
    {
      name: 'orphans',
      level: 'warning',
      says: `${count(running - held, 'running job')} without a live worker`,
      next: 'Any worker gives them back within seconds: backline work',
    },
  ];
};

const blocked = (alive: Workers): Finding[] =>
  alive
    .filter(({ blockedMs }) => blockedMs > 1000)
    .map(({ name, blockedMs }) => ({
      name: 'event loop',
      level: 'warning',
      says: `worker ${name} has been blocked for ${span(blockedMs)}`,
      next: 'A handler computes without a pause; see: backline workers ls',
    }));

const paused = ({ name, pausedReason, pausedUntil, counts }: Queues[number]): Finding => ({
  name: 'paused',
  level: 'warning',
  says: `queue "${name}"${pausedReason ? `: ${pausedReason}` : ''}${pausedUntil ? `, until ${time(pausedUntil)}` : ''}, ${count(counts.queued, 'job')} in it`,
  next: `backline queues resume ${name}`,
});

const failures = (failed: number): Finding => ({
  name: 'failures',
  level: 'warning',
  says: `${count(failed, 'job')} made in the last day failed or timed out`,
  next: "backline jobs ls --where 'status:failed,timeout since:1d'",
});

const retention = (
  settings: Resolved['settings'],
  counts: Awaited<ReturnType<Client['stats']>>['byStatus'],
): Finding => {
  const finished = counts.completed + counts.failed + counts.cancelled + counts.timeout;
  const { keepCompleted, keepFailed, maxFinished } = settings;
  if (maxFinished === null && (keepCompleted === null || keepFailed === null))
    return {
      name: 'retention',
      level: 'warning',
      says: `${count(finished, 'finished job')} kept without limit`,
      next: "set keepCompleted: '7d' and keepFailed: '30d'",
    };
  return { name: 'retention', level: 'ok', says: `${count(finished, 'finished job')} kept` };
};

const MARKS = { ok: ['✓', 'green'], warning: ['!', 'yellow'], problem: ['✗', 'red'] } as const;

const line = ({ name, level, says, next }: Finding, out: Output): string => {
  const [mark, colour] = MARKS[level];
  return `${out.paint(colour, mark)} ${name.padEnd(10)} ${clean(says)}${next ? `\n    → ${clean(next)}` : ''}`;
};

const summary = (findings: readonly Finding[], out: Output): ExitCode => {
  const of = (level: Finding['level']) => findings.filter((finding) => finding.level === level).length;
  out.talk(`${count(of('problem'), 'problem')}, ${count(of('warning'), 'warning')}`);
  return of('problem') > 0 ? EXIT.failed : EXIT.ok;
};
