import { oc } from '@orpc/contract';
import type { Route, Scope } from './routes.ts';

/** What is said of every operation beside its shapes. */
export interface OperationMeta {
  readonly scope: Scope;
  readonly creates: boolean;
  /** It is more than a look: it goes into the audit. */
  readonly changes: boolean;
  [other: string]: unknown;
}

/** One operation of the contract, without its shapes. */
export const operation = ({ method, path, scope, tag, summary, description, successStatus, creates }: Route) =>
  oc.$meta<OperationMeta>({ scope, creates: creates === true, changes: method !== 'GET' && scope !== 'read' }).route({
    ...{ method, path, summary, tags: [tag] },
    ...(description === undefined ? {} : { description }),
    ...(successStatus === undefined ? {} : { successStatus }),
  });
