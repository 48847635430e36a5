/**
 * Files on their way to the service: they go on while one looks at other pages. One after the other, each under an id that was made
 * here, so that the service can be asked what became of it when its answer is lost: nothing is handed in twice.
 */
import { signal } from '@preact/signals';
import type { UploadView } from '../../src/client.ts';
import { api, apiUrl, PAGE_HEADERS } from './api.ts';
import { heard, lost } from './heard.ts';
import { type Trouble, troubleOfAnswer } from './trouble.ts';

export interface Sending {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly sent: number;
  /** `sent`: all of it is there, and the answer is awaited. */
  readonly phase: 'waiting' | 'sending' | 'sent' | 'failed' | 'cancelled';
  readonly trouble: Trouble | null;
  /** Epoch milliseconds; null before it begins. */
  readonly startedAt: number | null;
}

interface Task {
  readonly file: File;
  readonly fields: Readonly<Record<string, string>>;
  request: XMLHttpRequest | null;
}

/** In the order in which they were chosen; what has arrived is not among them. */
export const sendings = signal<readonly Sending[]>([]);
/** Ids of those that have arrived since the page was loaded, the latest first. */
export const arrived = signal<readonly string[]>([]);

const tasks = new Map<string, Task>();
let busy = false;

const change = (id: string, changes: Partial<Sending>): void => {
  sendings.value = sendings.value.map((one) => (one.id === id ? { ...one, ...changes } : one));
};

/** @param maxBytes what the service takes; larger ones are not sent at all. @returns their ids. */
export const sendFiles = (files: readonly File[], fields: Task['fields'], maxBytes: number | null): string[] => {
  const made = files.map((file): Sending => {
    const id = newId();
    tasks.set(id, { file, fields, request: null });
    const { name, size } = file;
    const trouble = wrongWith(size, maxBytes);
    return { ...{ id, name, size, sent: 0, startedAt: null, trouble }, phase: trouble ? 'failed' : 'waiting' };
  });
  sendings.value = [...sendings.value, ...made];
  void next();
  return made.map(({ id }) => id);
};

/** `crypto.randomUUID` is not there where the page came over plain HTTP from another machine. */
const newId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

const wrongWith = (size: number, maxBytes: number | null): Trouble | null => {
  if (size === 0) return { code: 'BAD_UPLOAD', message: 'The file is empty.', next: null, field: 'file' };
  if (maxBytes === null || size <= maxBytes) return null;
  const message = `The file is longer than the ${maxBytes.toLocaleString('en-GB')} bytes that this service takes.`;
  const advice = 'Raise maxUploadBytes there, or put the file on its disk and submit the path.';
  return { code: 'UPLOAD_TOO_LARGE', message, next: advice, field: 'file' };
};

export const cancelSending = (id: string): void => {
  change(id, { phase: 'cancelled' });
  tasks.get(id)?.request?.abort();
};

/** From its beginning: the service keeps no half files. */
export const sendAgain = (id: string): void => {
  change(id, { phase: 'waiting', trouble: null, sent: 0, startedAt: null });
  void next();
};

export const forgetSending = (id: string): void => {
  tasks.delete(id);
  sendings.value = sendings.value.filter((one) => one.id !== id);
};

const next = async (): Promise<void> => {
  const waiting = sendings.value.find(({ phase }) => phase === 'waiting');
  if (busy || !waiting) return;
  busy = true;
  addEventListener('beforeunload', ask);
  await send(waiting.id);
  removeEventListener('beforeunload', ask);
  busy = false;
  await next();
};

/** Whoever leaves would cut it. */
const ask = (event: BeforeUnloadEvent): void => event.preventDefault();

const send = async (id: string): Promise<void> => {
  change(id, { phase: 'sending', startedAt: Date.now() });
  const trouble = await transfer(id);
  const { phase } = sendings.value.find((one) => one.id === id) ?? {};
  if (phase === 'cancelled' || phase === undefined) return;
  // The answer may have been lost behind a file that arrived.
  if (trouble && !(await hasArrived(id))) return change(id, { phase: 'failed', trouble });
  forgetSending(id);
  arrived.value = [id, ...arrived.value];
};

const hasArrived = async (id: string): Promise<boolean> => {
  try {
    const { state }: UploadView = await api.uploads.get({ id });
    return state !== 'receiving' && state !== 'cut';
  } catch {
    return false;
  }
};

/** @returns what went wrong, or null. Only XMLHttpRequest tells how far it is. */
const transfer = (id: string): Promise<Trouble | null> =>
  new Promise((done) => {
    const { file, fields } = tasks.get(id)!;
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append('file', file, file.name);
    const request = new XMLHttpRequest();
    tasks.get(id)!.request = request;
    request.upload.onprogress = ({ loaded, total }) =>
      change(id, { sent: Math.min(file.size, Math.round((loaded / Math.max(1, total)) * file.size)) });
    request.upload.onload = () => change(id, { sent: file.size, phase: 'sent' });
    request.onload = () => {
      heard();
      done(request.status === 201 ? null : troubleOfAnswer(request.responseText));
    };
    request.onerror = () => {
      lost();
      const message = 'The connection broke before all of it was there.';
      done({ code: 'API_UNREACHABLE', message, next: 'Nothing of it is kept: send it again.', field: null });
    };
    request.onabort = () => done({ code: 'CANCELLED', message: 'It was cancelled.', next: null, field: null });
    request.open('POST', apiUrl(`/uploads?id=${id}`));
    for (const [name, value] of Object.entries(PAGE_HEADERS)) request.setRequestHeader(name, value);
    request.send(form);
  });
