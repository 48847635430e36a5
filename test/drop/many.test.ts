import { describe, expect, test } from 'vitest';
import { useDoor } from './fixture.ts';

const { drop, isRunning, managerOn, names, runs, said, schedulerOn, statusThat, until } = useDoor();

describe('many', () => {
  test('files are each one job, whatever happens to hints', async () => {
    const manager = await managerOn();
    await schedulerOn(manager);
    await Promise.all(Array.from({ length: 60 }, (_, i) => drop(`job-${i}`)));
    for (let done = 0; done < 60; ) {
      await until(() => expect(runs.length).toBeGreaterThan(done));
      for (; done < runs.length; done++) runs[done]!.let('go');
    }
    await until(async () => {
      const all = await names();
      expect(all.filter((name) => name.endsWith('.job'))).toEqual([]);
      expect(all.filter((name) => name.endsWith('.status'))).toHaveLength(60);
    });
    expect(await manager.count({ status: 'completed' })).toBe(60);
  });

  test('schedulers on one folder: one works, the other stands by and takes over', async () => {
    const [one, two] = [await managerOn(), await managerOn()];
    const first = await schedulerOn(one);
    await until(() => expect(said('holding')).toHaveLength(1));
    await schedulerOn(two);
    await until(() => expect(said('standby')).toHaveLength(1));
    await drop('x');
    await isRunning(1);
    expect(await two.count({})).toBe(0);
    runs[0]!.let('go');
    await statusThat('x', { status: 'completed' });
    await first.close();
    await until(() => expect(said('holding')).toHaveLength(2));
    await drop('y');
    await isRunning(2);
    expect(await two.count({})).toBe(1);
    expect(said('standby')).toHaveLength(1);
  });
});
