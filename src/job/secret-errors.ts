/** Errors about secrets in payloads and the keys that they are encrypted with; part of errors.ts, which hands them on. */
import { error } from './backline-error.ts';

const GENERATE =
  'Make one with "backline keys generate" and set BACKLINE_KEY or BACKLINE_KEY_FILE, the same for every process.';

export const secretKeyMissing = error('SECRET_KEY_MISSING', (field: string, keyId: string | null) => ({
  message:
    keyId === null
      ? `${field} is a secret, and there is no key to encrypt it with. It was not stored.`
      : `${field} is encrypted with the key ${keyId}, which this process does not have.`,
  field,
  found: keyId === null ? 'no key' : `the key ${keyId}`,
  next:
    keyId === null
      ? `${GENERATE} What only looks like a secret may be named in notSecret of its job type.`
      : 'Set BACKLINE_KEY, BACKLINE_KEY_FILE or BACKLINE_OLD_KEYS so that it is among them, and start this process anew.',
}));

export const secretUnreadable = error('SECRET_UNREADABLE', (field: string, keyId: string) => ({
  message: `${field} was not encrypted for this job and place with the key ${keyId}: it was changed or moved in the database.`,
  field,
  found: `a value under the key ${keyId}`,
  next: 'Hand the job in again.',
}));

export const badSecretKey = error('BAD_SECRET_KEY', (where: string, problem: string) => ({
  message: `The key of ${where} ${problem}.`,
  field: where,
  found: problem,
  allowed: '32 random bytes as base64 or as 64 hexadecimal digits',
  next: 'Make one with: backline keys generate',
}));

export const keyFileOpen = error('KEY_FILE_OPEN', (path: string, mode: string) => ({
  message: `The key file ${path} can be read by others (mode ${mode}).`,
  field: 'BACKLINE_KEY_FILE',
  found: mode,
  allowed: '600 or 400',
  next: `Run: chmod 600 ${path}`,
}));

export const secretInName = error('SECRET_IN_NAME', (field: string, path: string) => ({
  message: `${field} holds the value of ${path}, which is a secret: names are stored and shown as they are.`,
  field,
  next: `Make ${field} from something else, such as an id.`,
}));
