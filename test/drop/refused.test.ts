import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useDoor } from './fixture.ts';

const { drop, folder, isRunning, managerOn, names, path, runs, said, schedulerOn, statusThat, until } = useDoor();

describe('files that are not taken', () => {
  test('names other than *.job are left alone', async () => {
    await schedulerOn(await managerOn());
    const others = ['.job', '.x.job', 'x.job.bad', 'x.job.tmp', 'x.json', 'x.txt'];
    for (const name of others) await writeFile(path(name), '{"catalog_path": "a"}');
    await drop('good');
    await isRunning(1);
    runs[0]!.let('go');
    await statusThat('good', { status: 'completed' });
    expect(await names()).toEqual(expect.arrayContaining(others));
    expect(runs).toHaveLength(1);
  });

  test('a bad file is set aside with a status that says why, and the next good one is done', async () => {
    await schedulerOn(await managerOn());
    await drop('bad', { catalog_path: 3 });
    await writeFile(path('bad.job.bad'), 'an older one');
    await drop('good');
    await statusThat('bad', {
      status: 'failed',
      state: 'refused',
      job_id: null,
      error: { field: 'catalog_path', found: 'is 3' },
    });
    await isRunning(1);
    runs[0]!.let('go');
    await statusThat('good', { status: 'completed' });
    await until(async () =>
      expect(await names()).toEqual(['bad.job.bad', 'bad.job.bad-2', 'bad.status', 'good.status']),
    );
    expect(await readFile(path('bad.job.bad-2'), 'utf8')).toBe('{"catalog_path":3}');
    expect(said('refused')).toHaveLength(1);
  });

  test("a file that does not fit the job type's own schema is bad, too", async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await drop('x', { catalog_path: 'a', strict: false });
    await statusThat('x', { status: 'failed', error: { code: 'INVALID_PAYLOAD', field: 'payload.strict' } });
    await until(async () => expect(await names()).toEqual(['x.job.bad', 'x.status']));
    expect(await manager.count({})).toBe(0);
  });

  test('links and directories are refused, and what they lead to is not touched', async () => {
    await writeFile(join(folder(), 'secret'), '{"catalog_path": "a"}');
    await schedulerOn(await managerOn());
    await symlink(join(folder(), 'secret'), path('link.job'));
    await mkdir(path('dir.job'));
    await writeFile(path('dir.job/inside'), '');
    await statusThat('link', { status: 'failed', error: { found: 'is a symbolic link' } });
    await statusThat('dir', { status: 'failed', error: { found: 'is a directory' } });
    await until(async () =>
      expect(await names()).toEqual(['dir.job.bad', 'dir.status', 'link.job.bad', 'link.status']),
    );
    expect(await readFile(join(folder(), 'secret'), 'utf8')).toBe('{"catalog_path": "a"}');
    expect(runs).toHaveLength(0);
  });

  test('half a file is left alone while it may still be written to, and done when it is whole', async () => {
    await schedulerOn(await managerOn(), { patience: 60_000 });
    await drop('x', '{"catalog_path": ');
    await drop('y');
    await isRunning(1);
    expect(await names()).toEqual(['x.job', 'y.job', 'y.status']);
    await writeFile(path('x.job'), '"late"}', { flag: 'a' });
    await isRunning(2);
    expect(runs[1]!.path).toBe('late');
  });

  test('half a file that stays so is refused in the end', async () => {
    await schedulerOn(await managerOn());
    await drop('x', '{"catalog_path": ');
    await statusThat('x', { status: 'failed', error: { code: 'BAD_JOB_FILE', field: 'content' } });
    await until(async () => expect(await names()).toEqual(['x.job.bad', 'x.status']));
  });

  test('a name that cannot be used is said once and left alone', async () => {
    await schedulerOn(await managerOn());
    const name = `${'x'.repeat(220)}.job`;
    await writeFile(path(name), '{"catalog_path": "a"}');
    await drop('good');
    await isRunning(1);
    runs[0]!.let('go');
    await statusThat('good', { status: 'completed' });
    expect(await names()).toContain(name);
    expect(said('ignored')).toHaveLength(1);
  });

  test('hand-made status files are left alone', async () => {
    await mkdir(path(''));
    const texts = ['{"status": "running"}', 'not JSON', '{"status": "running", "job_id": "drop-2-0-0"}', '[]'];
    for (const [i, text] of texts.entries()) await writeFile(path(`${i}.status`), text);
    await schedulerOn(await managerOn());
    await drop('x');
    await isRunning(1);
    runs[0]!.let('go');
    await statusThat('x', { status: 'completed' });
    for (const [i, text] of texts.entries()) expect(await readFile(path(`${i}.status`), 'utf8')).toBe(text);
  });
});
