import { beforeAll, describe, expect, test } from 'vitest';
import { type CreditsIndex, loadCreditsIndex } from './credits-index.ts';
import { catalogText, generateCatalog } from './generate.ts';
import { artistsOf, normaliseArtist, normaliseTitle, shortTitle } from './normalise.ts';

describe('normalising', () => {
  test.each([
    ['Hey Jude', 'hey jude'],
    ['HEY  JUDE!', 'hey jude'],
    ['Hey Jude - Remastered 2015', 'hey jude'],
    ['Hey Jude (Live at the BBC)', 'hey jude'],
    ['Hey Jude [Mono Version]', 'hey jude'],
    ['Under Pressure (feat. David Bowie)', 'under pressure'],
    ['La Vie en rosé', 'la vie en rose'],
    ["Don't Stop", 'dont stop'],
    ['Don’t Stop', 'dont stop'],
    ['Rock & Roll', 'rock and roll'],
    ['Dazed - and confused', 'dazed and confused'],
    ['(Live)', 'live'],
    ['???', '???'],
    ['愛のうた', '愛のうた'],
  ])('the title %j is compared as %j', (title, expected) => expect(normaliseTitle(title)).toBe(expected));

  test('a short title has nothing in brackets', () => {
    expect(shortTitle("(Sittin' On) The Dock of the Bay")).toBe('the dock of the bay');
    expect(shortTitle('(1999)')).toBe('1999');
  });

  test.each([
    ['The Beatles', 'beatles'],
    ['the  BEATLES', 'beatles'],
    ['The The', 'the'],
    ['Simon & Garfunkel', 'simon and garfunkel'],
    ['Sinéad O’Connor', 'sinead oconnor'],
    ['Mötley Crüe', 'motley crue'],
  ])('the artist %j is compared as %j', (artist, expected) => expect(normaliseArtist(artist)).toBe(expected));

  test('an artist with guests is looked for as a whole, then alone', () => {
    expect(artistsOf('Queen feat. David Bowie')).toEqual(['queen feat david bowie', 'queen']);
    expect(artistsOf('Simon & Garfunkel')).toEqual(['simon and garfunkel', 'simon']);
    expect(artistsOf('ABBA')).toEqual(['abba']);
  });
});

describe('the credits index', () => {
  let index: CreditsIndex;
  beforeAll(async () => {
    index = await loadCreditsIndex();
  });
  const writers = (title: string, artist: string) => index.find(title, artist)?.songwriters;

  test('holds some hundreds of works, each with a title, writers and a source', () => {
    expect(index.size).toBeGreaterThan(300);
  });

  test.each([
    ['Yesterday', 'The Beatles', ['John Lennon', 'Paul McCartney']],
    ['yesterday - Remastered 2009', 'BEATLES', ['John Lennon', 'Paul McCartney']],
    ['Something', 'The Beatles', ['George Harrison']],
    ['Dock of the Bay', 'Otis Redding', undefined],
    ['The Dock of the Bay', 'Otis Redding', ['Otis Redding', 'Steve Cropper']],
    ['All Along the Watchtower', 'Jimi Hendrix', ['Bob Dylan']],
    [
      'Under Pressure',
      'Queen feat. David Bowie',
      ['Freddie Mercury', 'David Bowie', 'Brian May', 'John Deacon', 'Roger Taylor'],
    ],
    ['Somebody to Love', 'Queen', ['Freddie Mercury']],
    ['Somebody to Love', 'Jefferson Airplane', ['Darby Slick']],
    ['Yesterday', 'Nobody', undefined],
    ['Untitled', 'The Beatles', undefined],
  ])('%s by %s', (title, artist, expected) => expect(writers(title, artist)).toEqual(expected));

  test('finds every known row of a generated catalog, and no other', () => {
    const catalog = generateCatalog(7);
    const rows = [...catalogText(3000, 7)].join('').trim().split('\n').slice(1);
    expect(rows).toHaveLength(3000);
    const fields = rows.map((row) =>
      [...row.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, field = '']) =>
        field.replace(/^"|"$/g, '').replaceAll('""', '"'),
      ),
    );
    const found = fields.map(([title = '', artist = '']) => index.find(title, artist) !== undefined);
    expect(found).toEqual(rows.map((_, n) => catalog.isKnown(n)));
    expect(catalog.known(3000)).toBe(found.filter(Boolean).length);
    expect(catalog.known(3000)).toBeGreaterThan(800);
  });
});
