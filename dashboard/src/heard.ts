/** Whether the server is there, as every request finds out. */
import { signal } from '@preact/signals';

/** When it was last heard of, epoch milliseconds by this browser's clock; null for never. */
export const lastHeard = signal<number | null>(null);
/** The last request did not reach it. */
export const missing = signal(false);

export const heard = (): void => {
  lastHeard.value = Date.now();
  missing.value = false;
};

export const lost = (): void => {
  missing.value = true;
};
