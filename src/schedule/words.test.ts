import { describe, expect, test } from 'vitest';
import { parseCron } from './cron-pattern.ts';
import { cronWords } from './cron-words.ts';
import { checkTrigger } from './schedule.ts';
import { wordsOf } from './words.ts';

describe('a cron expression in words', () => {
  test.each([
    ['* * * * *', 'every minute'],
    ['*/5 * * * *', 'every 5 minutes'],
    ['*/7 * * * *', 'in every 7th minute from 0 to 59 of every hour'],
    ['0 * * * *', 'every hour, on the hour'],
    ['1 * * * *', 'at 1 minute past every hour'],
    ['30 * * * *', 'at 30 minutes past every hour'],
    ['0,30 * * * *', 'at 0 and 30 minutes past every hour'],
    ['0 */2 * * *', 'every 2 hours'],
    ['15 */6 * * *', 'at 15 minutes past every 6th hour from 0'],
    ['0 */5 * * *', 'at 0 minutes past every 5th hour from 0 to 23'],
    ['23 0-20/2 * * *', 'at 23 minutes past every 2nd hour from 0 to 20'],
    ['0 9-17 * * *', 'every hour from 09:00 to 17:00'],
    ['30 9-17 * * 1-5', 'every hour from 09:30 to 17:30, Monday to Friday'],
    ['0 2,3-5 * * *', 'every hour from 02:00 to 05:00'],
    ['*/15 9-17 * * mon-fri', 'every 15 minutes from 09:00 to 17:59, Monday to Friday'],
    ['*/5 9,17 * * *', 'every 5 minutes in hours 9 and 17'],
    ['* 9 * * *', 'every minute from 09:00 to 09:59'],
    ['10-20 8 * * *', 'every minute from 08:10 to 08:20'],
    ['5-20/5 * * * *', 'in every 5th minute from 5 to 20 of every hour'],
    ['1,2,3,4 1,2,3 * * *', 'at 1, 2, 3 and 4 minutes past hours 1, 2 and 3 every day'],
    ['0 2 * * *', 'at 02:00 every day'],
    ['0 2,14 * * *', 'at 02:00 and 14:00 every day'],
    ['30 2 * * 0', 'at 02:30 on Sundays'],
    ['0 5 * * 7', 'at 05:00 on Sundays'],
    ['0 12 * * sat,sun', 'at 12:00 on Saturdays and Sundays'],
    ['0 9 * * 1-5', 'at 09:00, Monday to Friday'],
    ['0 0 * * */2', 'at 00:00 on Sundays, Tuesdays, Thursdays and Saturdays'],
    ['0 0 ? * 1', 'at 00:00 on Mondays'],
    ['0 0 1 * *', 'at 00:00 on the 1st of the month'],
    ['0 0 1,15 * *', 'at 00:00 on the 1st and the 15th of the month'],
    ['0 0 1-7 * *', 'at 00:00 on the 1st to 7th of the month'],
    ['0 0 22,23 * *', 'at 00:00 on the 22nd and the 23rd of the month'],
    ['0 0 11-13 * *', 'at 00:00 on the 11th to 13th of the month'],
    ['0 0 */3 * *', 'at 00:00 on every 3rd day from the 1st to the 31st of the month'],
    ['0 0 L * *', 'at 00:00 on the last day of the month'],
    ['0 0 LW * *', 'at 00:00 on the last working day (Monday to Friday) of the month'],
    ['0 0 15W * *', 'at 00:00 on the working day (Monday to Friday) nearest the 15th of the month'],
    ['0 0 * * fri#2', 'at 00:00 on the second Friday of the month'],
    ['0 0 * * friL', 'at 00:00 on the last Friday of the month'],
    ['0 0 13 * 5', 'at 00:00 on the 13th of the month, and also on Fridays'],
    ['0 0 13 5 5', 'at 00:00 on 13 May, and also on Fridays in May'],
    ['0 0 */2 * 1', 'at 00:00 on every 2nd day from the 1st to the 31st of the month, if that is a Monday'],
    [
      '0 0 1-7 * */2',
      'at 00:00 on the 1st to 7th of the month, if that is a Sunday or a Tuesday or a Thursday or a Saturday',
    ],
    ['0 0 29 2 *', 'at 00:00 on 29 February'],
    ['0 0 1 1,7 *', 'at 00:00 on the 1st of January and July'],
    ['0 0 1 */3 *', 'at 00:00 on the 1st in every 3rd month from January to December'],
    ['0 0 * 3-10 *', 'at 00:00 every day from March to October'],
    ['0 0 * 3,10 1', 'at 00:00 on Mondays in March and October'],
    ['* * * 2 *', 'every minute, every day in February'],
    ['* * * * * *', 'every second'],
    ['*/10 * * * * *', 'every 10 seconds'],
    ['30 * * * * *', 'in second 30 of every minute'],
    ['30 * 9-17 * * *', 'in second 30 of every minute from 09:00 to 17:59'],
    ['0 */5 9 * * *', 'every 5 minutes from 09:00 to 09:59'],
    ['15 30 2 * * *', 'at 02:30:15 every day'],
    ['*/10 30 2 * * *', 'in every 10th second from 0 to 59 of minute 30 of hour 2'],
    ['@hourly', 'every hour, on the hour'],
    ['@weekly', 'at 00:00 on Sundays'],
    ['@monthly', 'at 00:00 on the 1st of the month'],
    ['@yearly', 'at 00:00 on 1 January'],
  ])('%s: %s', (text, words) => {
    expect(cronWords(parseCron(text))).toBe(words);
  });
});

describe('a trigger in words', () => {
  const NOW = Date.parse('2026-06-01T12:00:00Z');

  test.each<[object, string]>([
    [{ cron: '0 2 * * *' }, 'At 02:00 every day, UTC'],
    [{ cron: '0 2 * * *', timeZone: 'Europe/Berlin' }, 'At 02:00 every day, Europe/Berlin time'],
    [
      { cron: '0 9 1 * *', calendar: { businessDays: { holidays: ['01-01'] } }, onExcluded: 'nextDay' },
      'At 09:00 on the 1st of the month, UTC, only on business days without 1 holiday, else on the next day that allows it',
    ],
    [
      { cron: '@hourly', calendar: { not: { daily: { from: '22:00', to: '06:00' } } } },
      'Every hour, on the hour, UTC, except from 22:00 to 06:00',
    ],
    [
      {
        cron: '@daily',
        calendar: {
          and: [
            { weekdays: ['mon', 'tue'] },
            { or: [{ dates: ['2026-06-02'] }, { not: { weekly: { from: 'mon 06:00', to: 'mon 08:00' } } }] },
          ],
        },
      },
      'At 00:00 every day, UTC, only on Mondays and Tuesdays and (on 2026-06-02 or not from mon 06:00 to mon 08:00)',
    ],
    [{ interval: 1000 }, 'Every second from 2026-06-01 12:00:01Z on'],
    [
      { interval: '90m', start: NOW, jitter: '30s' },
      'Every 1 hour 30 minutes from 2026-06-01 12:00:00Z on, up to 30 seconds later',
    ],
    [{ interval: '1h', start: NOW, jitter: '1m' }, 'Every hour from 2026-06-01 12:00:00Z on, up to 1 minute later'],
    [
      { interval: '1w', calendar: { dates: ['06-08', '06-15', '06-22', '06-29'] } },
      'Every week from 2026-06-08 12:00:00Z on, only on 4 listed dates (UTC)',
    ],
    [{ at: '2026-12-01T10:00:00+01:00' }, 'Once, at 2026-12-01 09:00:00Z'],
    [{ at: NOW + 5 }, 'Once, at 2026-06-01 12:00:00.005Z'],
  ])('%j', (given, words) => {
    expect(wordsOf(checkTrigger(given, NOW))).toBe(words);
  });
});
