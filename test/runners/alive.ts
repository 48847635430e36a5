import { readFileSync } from 'node:fs';

/** Whether a process runs. What has ended and was not waited for by its parent is dead. */
export const isAlive = (pid: number): boolean => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
