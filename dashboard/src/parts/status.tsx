/** A state is a word, a shape and a colour: in this order of importance. The shapes are in styles/status.css. */
export const STATES = [
  ...(['created', 'scheduled', 'queued', 'running', 'retrying'] as const),
  ...(['completed', 'failed', 'timeout', 'cancelled'] as const),
] as const;

export type State = (typeof STATES)[number];

/** Of attempts, which end in more ways than jobs. */
const AS: Readonly<Record<string, State>> = { crashed: 'failed', snoozed: 'scheduled', released: 'queued' };

export const stateClass = (state: string): string => `state s-${AS[state] ?? state}`;

export const Status = ({ state }: { readonly state: string }) => <span class={stateClass(state)}>{state}</span>;
