/** Which processes of this machine are alive, told apart from later ones that were given the same number. */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** A signal to a whole process group comes again through a parent that passes it on: what follows this closely is its echo. */
export const SIGNAL_ECHO_MS = 500;

/** A process, as another process on the same machine can recognise it. */
export interface ProcessMark {
  readonly host: string;
  readonly pid: number;
  /** Machine start, process namespace and the process's own start; null where the system does not tell. */
  readonly pidStart: string | null;
}

const read = (look: () => string): string | null => {
  try {
    return look();
  } catch {
    return null;
  }
};

/** Machine start and process namespace: within one such scope a process number means one process at a time (Linux: proc(5)). */
const scope = (): string | null => {
  const boot = read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim());
  const namespace = read(() => readlinkSync('/proc/self/ns/pid'));
  return boot && namespace ? `${boot} ${namespace}` : null;
};

/**
 * The start time in clock ticks: the 22nd field of /proc/PID/stat, the 20th after the name, which may hold spaces. A process that
 * has ended but was not waited for (state Z) has none.
 */
const startOf = (pid: number): string | null =>
  read(() => {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  });

export const markOf = (pid: number): ProcessMark => {
  const [within, start] = [scope(), startOf(pid)];
  return { host: hostname(), pid, pidStart: within && start ? `${within} ${start}` : null };
};

/**
 * Whether a process has certainly ended. False also means "cannot be known from here": on another machine, in another
 * container, or before a restart of this one.
 */
export const hasEnded = ({ host, pid, pidStart }: ProcessMark): boolean => {
  const within = scope();
  if (within && pidStart) return pidStart.startsWith(`${within} `) && pidStart !== markOf(pid).pidStart;
  return within === null && host === hostname() && !exists(pid);
};

const exists = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === 'EPERM';
  }
};
