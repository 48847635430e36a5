/** Titles and artists as they are compared: without case, accents, punctuation and the notes that labels add. */

const ADDITION =
  /\b(remaster(ed)?|version|edit|mix|remix|live|mono|stereo|demo|acoustic|bonus|feat|ft|featuring|with|from|single|album|take|session|instrumental|deluxe|anniversary)\b/i;

const plain = (text: string): string =>
  text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/ø/g, 'o')
    .replace(/æ/g, 'ae')
    .replace(/ß/g, 'ss')
    .replace(/ł/g, 'l')
    .replace(/&/g, ' and ')
    .replace(/['’`´‘]/g, '')
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();

/** `Hey Jude - Remastered 2015` and `Hey Jude (Live)` → `hey jude`. */
export const normaliseTitle = (title: string): string => {
  const withoutNotes = title
    .replace(/\s+[-–—]\s+(.*)$/u, (all, note: string) => (ADDITION.test(note) ? '' : all))
    .replace(/\s*[([{]([^)\]}]*)[)\]}]/gu, (all, note: string) => (ADDITION.test(note) ? '' : all));
  return plain(withoutNotes) || plain(title) || title.trim().toLowerCase();
};

/** The same without anything in brackets: `(Sittin' On) The Dock of the Bay` → `the dock of the bay`. */
export const shortTitle = (title: string): string => {
  const short = normaliseTitle(title.replace(/[([{][^)\]}]*[)\]}]/gu, ' '));
  return short || normaliseTitle(title);
};

/** `The Beatles` → `beatles`. */
export const normaliseArtist = (artist: string): string => {
  const name = plain(artist);
  return name.replace(/^the (?=.)/, '') || artist.trim().toLowerCase();
};

/** The whole credit first, then its first name: `Queen feat. David Bowie` → `queen feat david bowie`, `queen`. */
export const artistsOf = (artist: string): string[] => {
  const [main = artist] = artist.split(/\s+(?:feat\.?|ft\.?|featuring|with|x|vs\.?)\s+|\s*[;,/]\s+|\s+(?:&|and)\s+/i);
  const names = [normaliseArtist(artist), normaliseArtist(main.replace(/[([{].*$/u, ''))];
  return [...new Set(names.filter((name) => name !== ''))];
};
