/** One at a time, between processes: a folder that only one of them can make. */
import { mkdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

const STALE_MS = 60_000;
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/**
 * Runs `work` while this process holds the lock in `folder`; waits while another one does. The lock of a process that died is
 * taken over: at once if it ran on this machine, else when its time stamp stopped moving.
 */
export async function locked(folder, work) {
  const lock = join(folder, 'lock');
  let told = false;
  while (!take(lock)) {
    if (isStale(lock)) takeAway(lock);
    else {
      if (!told) process.stderr.write('Waiting for another run that is setting up …\n');
      told = true;
      await pause(200);
    }
  }
  const beat = setInterval(() => touch(lock), 5_000);
  const release = () => rmSync(lock, { recursive: true, force: true });
  process.once('exit', release);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    process.removeListener('exit', release);
    release();
  }
}

function take(lock) {
  try {
    mkdirSync(lock);
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeFileSync(join(lock, 'owner'), `${process.pid} ${hostname()}`);
  return true;
}

/** Says that the holder lives. A lock that somebody removed by hand is not worth an error here. */
function touch(lock) {
  try {
    utimesSync(lock, new Date(), new Date());
  } catch {}
}

function isStale(lock) {
  try {
    if (Date.now() - statSync(lock).mtimeMs > STALE_MS) return true;
    const [pid, host] = readFileSync(join(lock, 'owner'), 'utf8').split(' ');
    return host === hostname() && !isAlive(Number(pid));
  } catch {
    return false;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code !== 'ESRCH';
  }
}

/** Under a second lock, held for an instant, and after a second look: two waiters must not remove each other's fresh lock. */
function takeAway(lock) {
  const guard = `${lock}.stale`;
  try {
    mkdirSync(guard);
  } catch {
    if (Date.now() - (statSync(guard, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > STALE_MS)
      rmSync(guard, { recursive: true, force: true });
    return;
  }
  if (isStale(lock)) rmSync(lock, { recursive: true, force: true });
  rmSync(guard, { recursive: true, force: true });
}
