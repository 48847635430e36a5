/** Short messages about what was just done. */
import { signal } from '@preact/signals';
import { troubleOf } from './trouble.ts';

export interface Toast {
  readonly id: number;
  readonly tone: 'done' | 'failed';
  readonly text: string;
  readonly code?: string;
  readonly next?: string | null;
  /** Where it leads, or what can be done about it. */
  readonly link?: { readonly to: string; readonly text: string } | { readonly run: () => void; readonly text: string };
}

const STAY_MS = 8000;
let last = 0;

export const toasts = signal<readonly Toast[]>([]);

export const dismiss = (id: number): void => {
  toasts.value = toasts.value.filter((one) => one.id !== id);
};

const add = (toast: Omit<Toast, 'id'>): number => {
  last += 1;
  toasts.value = [...toasts.value.slice(-3), { ...toast, id: last }];
  return last;
};

/** Goes away by itself. */
export const toast = (text: string, link?: Toast['link']): void => {
  const id = add({ tone: 'done', text, link });
  setTimeout(() => dismiss(id), STAY_MS);
};

/** Stays until it was read. */
export const toastTrouble = (what: string, thrown: unknown): void => {
  const { code, message, next } = troubleOf(thrown);
  add({ tone: 'failed', text: `${what}: ${message}`, code, next });
};

/** What a screen reader is told besides; said once, politely. */
export const said = signal('');
export const say = (text: string): void => {
  said.value = text;
};
