/** Errors of live wires and uploads; part of errors.ts, which hands them on. */
import { show } from '../util/text.ts';
import { error } from './backline-error.ts';

export const tooManyListeners = error('TOO_MANY_LISTENERS', (max: number) => ({
  message: `${max} event streams of this address or token are open already.`,
  found: `${max} open`,
  allowed: `${max} at once`,
  next: 'Close some: the pages of one browser can share a stream. It may be tried again in a while.',
}));

export const listenersFull = error('LISTENERS_FULL', (max: number) => ({
  message: `The service has ${max} event streams open, which is all that it holds.`,
  found: `${max} open`,
  allowed: `${max} at once`,
  next: 'Try again in a while, and ask for pages instead of a stream until then.',
}));

export const uploadsOff = error('UPLOADS_OFF', () => ({
  message: 'This service takes no files.',
  next: 'Start it with a job type for them: backline start --drop-type JOB',
}));

export const badUpload = error('BAD_UPLOAD', (field: string, found: string, allowed: string) => ({
  message: `The upload cannot be taken: ${field} ${found}.`,
  field,
  found,
  allowed,
}));

export const uploadNotFound = error('UPLOAD_NOT_FOUND', (id: string) => ({
  message: `There is no upload with the id ${show(id)}.`,
  field: 'id',
  found: show(id),
}));

export const uploadExists = error('UPLOAD_EXISTS', (id: string) => ({
  message: `An upload, or a job file, with the id ${show(id)} exists.`,
  field: 'id',
  found: show(id),
  next: 'Look what became of it, or leave out the id to get a new one.',
}));

export const uploadTooLarge = error('UPLOAD_TOO_LARGE', (maxBytes: number) => ({
  message: `The file is longer than ${maxBytes} bytes.`,
  field: 'file',
  found: `more than ${maxBytes} bytes`,
  allowed: `at most ${maxBytes} bytes`,
  next: 'Raise maxUploadBytes, or put the file on the disk of the service and submit its path.',
}));

export const uploadNoSpace = error('UPLOAD_NO_SPACE', (freeBytes: number) => ({
  message: `The disk of the service has ${freeBytes} bytes left, too few for the file.`,
  field: 'file',
  found: `${freeBytes} bytes free`,
  next: 'Make room on the disk, or name another folder with uploadsDir.',
}));

export const uploadTooSlow = error('UPLOAD_TOO_SLOW', (waitedMs: number) => ({
  message: `Next to nothing of the file came for ${waitedMs} ms.`,
  field: 'file',
  found: `${waitedMs} ms`,
  next: 'Send it again.',
}));

export const tooManyUploads = error('TOO_MANY_UPLOADS', (max: number) => ({
  message: `${max} uploads are under way already.`,
  found: `${max} under way`,
  allowed: `${max} at once`,
  next: 'Send it again in a while.',
}));
