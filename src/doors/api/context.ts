/** What every operation is given: whom it serves, and with what. */
import type { Client } from '../../engine/client.ts';
import type { EventMap, EventName } from '../../engine/events.ts';
import type { Caller } from './access.ts';
import type { UploadDesk } from './uploads.ts';

/** One setting of the command line's program, as it may be shown. */
export interface ShownSetting {
  readonly name: string;
  /** As it was given, secrets masked; null where nothing is set. */
  readonly value: string | null;
  /** The flag, the variable or the file that it comes from, or `default`. */
  readonly place: string;
  /** What it is for. */
  readonly says: string;
}

/** What the API needs of a JobManager. */
export interface Served extends Client {
  on<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): unknown;
  off<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): unknown;
  readonly processor: {
    readonly state: {
      readonly name: string;
      readonly running: boolean;
      readonly alive: boolean;
      readonly stopping: boolean;
    } | null;
    start(): boolean;
    stop(): boolean;
    rescue(): Promise<void>;
  };
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
  /** As the caller has it. */
  readonly client: Served;
  /** Behind that, what tells everybody what happens; the feed itself looks who may hear it. */
  readonly source?: Served;
  readonly caller: Caller;
  /** Through which it came in; HTTP if it does not say. */
  readonly door?: 'http' | 'ipc';
  /** Of a request that makes something and may be sent again. */
  readonly idempotencyKey?: string | undefined;
  /** Where files are handed in; null where none are taken. */
  readonly uploads?: UploadDesk | null | undefined;
  /** Of the program that serves it, as they may be shown. */
  readonly settings?: readonly ShownSetting[] | undefined;
  /** Fires when the door closes: whoever still waits then is told so. */
  readonly closing?: AbortSignal;
}
