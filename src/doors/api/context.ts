/** What every operation is given: whom it serves, and with what. */
import type { Client } from '../../engine/client.ts';
import type { Caller } from './access.ts';

/** What the API needs of a JobManager. */
export interface Served extends Client {
  health(): Promise<{
    readonly ok: boolean;
    readonly database: { readonly ok: boolean; readonly problem: string | null; readonly sizeBytes: number };
    readonly loop: { readonly ticking: boolean; readonly ageMs: number; readonly running: number } | null;
    readonly queueDepth: number;
    readonly errorRates: Readonly<Record<string, number>>;
    readonly rates: { readonly created: number; readonly completed: number };
  }>;
}

export interface Context {
  readonly client: Served;
  readonly caller: Caller;
  /** Through which it came in; HTTP if it does not say. */
  readonly door?: 'http' | 'ipc';
  /** Of a request that makes something and may be sent again. */
  readonly idempotencyKey?: string | undefined;
  /** Fires when the door closes: whoever still waits then is told so. */
  readonly closing?: AbortSignal;
}
