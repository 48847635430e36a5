/** Names of uploaded files: what may become a part of a path on this machine. */
import { badUpload } from '../../job/errors.ts';
import { show } from '../../util/text.ts';

export const MAX_NAME_BYTES = 150;

/** Devices on Windows, with any ending. */
const RESERVED = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(\.|$)/i;

/** What is wrong with a name → how an error says it. */
const WRONG: readonly (readonly [wrong: (name: string) => boolean, says: string])[] = [
  [(name) => name === '', 'is empty'],
  [(name) => !name.isWellFormed() || name.includes('\uFFFD'), 'is no proper text'],
  [(name) => /[/\\]/.test(name), 'has a path'],
  [(name) => /[\p{Cc}\p{Zl}\p{Zp}]/u.test(name), 'has control characters'],
  // They turn the order of letters around, or are not seen at all: the name would look like another.
  [(name) => /[\p{Cf}\p{Co}\p{Cn}\p{Default_Ignorable_Code_Point}]/u.test(name), 'has invisible characters'],
  // They become one of the characters below in programs that simplify names.
  [(name) => /[/\\:*?"<>|]/.test(name.normalize('NFKC')), 'has one of \\ / : * ? " < > |'],
  [(name) => name.startsWith('.') || /^\p{Z}/u.test(name), 'starts with a dot or a blank'],
  [(name) => /[.\p{Z}]$/u.test(name), 'ends with a dot or a blank'],
  [(name) => RESERVED.test(name), 'is the name of a device'],
  [(name) => Buffer.byteLength(name) > MAX_NAME_BYTES, `is longer than ${MAX_NAME_BYTES} bytes`],
];

/** The name as it will be stored: in one spelling of its letters. @throws BAD_UPLOAD. */
export const safeName = (given: string): string => {
  const name = given.normalize('NFC');
  const wrong = WRONG.find(([test]) => test(name));
  if (wrong)
    throw badUpload('filename', `${show(given)} ${wrong[1]}`, `a plain file name of at most ${MAX_NAME_BYTES} bytes`);
  return name;
};

const ID = /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/;

/** @throws BAD_UPLOAD. */
export const checkUploadId = (id: string): string => {
  if (!ID.test(id)) throw badUpload('id', `is ${show(id)}`, '1 to 64 letters, digits or - (no - first)');
  return id;
};

/** The file of an upload in its folder. An id has no `_`, so that the two can be told apart again. */
export const storedName = (id: string, name: string): string => `${id}_${name}`;

/** The other way; null for files that are nobody's upload. */
export const partsOf = (stored: string): { readonly id: string; readonly name: string } | null => {
  const at = stored.indexOf('_');
  const [id, name] = [stored.slice(0, at), stored.slice(at + 1)];
  return at > 0 && ID.test(id) && name !== '' ? { id, name } : null;
};
