import { linkSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freshFolder } from '../../../test/managers.ts';
import { markOf } from '../../util/process.ts';
import { Receiving, removeLeftovers } from './receiving.ts';

const GONE = {
  ...markOf(process.pid),
  pidStart: markOf(process.pid).pidStart?.replace(/\d+$/, '1') ?? null,
  pid: 2 ** 22,
};
const ELSEWHERE = { host: `not-${hostname()}`, pid: 1, pidStart: 'another boot 1' };

/** What a process left that was receiving `id_name`. */
const leave = (folder: string, stored: string, mark: object | null) => {
  const own = join(folder, `.receiving-${stored}`);
  mkdirSync(own);
  if (mark) writeFileSync(join(own, 'owner.json'), JSON.stringify(mark));
  writeFileSync(join(own, stored), 'half');
  return own;
};

const never = async () => false;
const now = Date.now();

describe('a file that is received', () => {
  test('has its place only when it is whole, and is announced there', async () => {
    const folder = freshFolder();
    const receiving = await Receiving.begin(folder, 'a_x.csv');
    await receiving.write(Buffer.from('one '));
    await receiving.write(Buffer.from('two'));
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^\.receiving-/)]);
    let text = '';
    await receiving.finish(async (path) => {
      text = readFileSync(path, 'utf8');
    });
    expect(text).toBe('one two');
    expect(readdirSync(folder)).toEqual(['a_x.csv']);
  });

  test('has no place if it cannot be announced, and leaves nothing when it is dropped', async () => {
    const folder = freshFolder();
    const receiving = await Receiving.begin(folder, 'a_x.csv');
    await receiving.write(Buffer.from('one'));
    const refused = Object.assign(new TypeError('no'), {});
    await expect(receiving.finish(() => Promise.reject(refused))).rejects.toBe(refused);
    await receiving.drop();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('never takes the place of another', async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, 'a_x.csv'), 'older');
    const receiving = await Receiving.begin(folder, 'a_x.csv');
    await expect(receiving.finish(async () => {})).rejects.toMatchObject({ code: 'EEXIST' });
    await receiving.drop();
    expect(readFileSync(join(folder, 'a_x.csv'), 'utf8')).toBe('older');
  });
});

describe('what killed processes left', () => {
  test('is removed, and what live ones are receiving is not', async () => {
    const folder = freshFolder();
    leave(folder, 'a_x.csv', GONE);
    const live = await Receiving.begin(folder, 'b_y.csv');
    leave(folder, 'c_z.csv', ELSEWHERE);
    leave(folder, 'd_z.csv', null);
    expect(await removeLeftovers(folder, now, never)).toBe(1);
    expect(readdirSync(folder)).toHaveLength(3);
    // Of a machine that cannot be seen: once it has not moved for a while.
    expect(await removeLeftovers(folder, now + 700_000, never)).toBe(2);
    await live.finish(async () => {});
    expect(readdirSync(folder)).toEqual(['b_y.csv']);
  });

  test.each([
    ['goes with its place, if its job file was not written', false, []],
    ['leaves its place alone, if it was', true, ['a_x.csv']],
  ])('%s', async (_, isAnnounced, left) => {
    const folder = freshFolder();
    const own = leave(folder, 'a_x.csv', GONE);
    linkSync(join(own, 'a_x.csv'), join(folder, 'a_x.csv'));
    expect(await removeLeftovers(folder, now, async (id) => id === 'a' && isAnnounced)).toBe(1);
    expect(readdirSync(folder)).toEqual(left);
  });

  test('leaves a file of that name alone that is another', async () => {
    const folder = freshFolder();
    leave(folder, 'a_x.csv', GONE);
    writeFileSync(join(folder, 'a_x.csv'), 'another');
    utimesSync(join(folder, 'a_x.csv'), 1, 1);
    await removeLeftovers(folder, now, never);
    expect(readdirSync(folder)).toEqual(['a_x.csv']);
  });
});
