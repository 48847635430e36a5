import { storeNewer } from '../job/errors.ts';

/** One step of the schema, from `version − 1` to `version`. Forward only; never changed after its release. */
export interface Migration {
  readonly version: number;
  readonly name: string;
  readonly sql: string;
}

/** What a database gives the migrations: its version, and a way to apply one step atomically. */
export interface Migratable {
  readonly where: string;
  version(): number;
  apply(migration: Migration): void;
}

/**
 * Applies what is missing. The caller holds a lock, so that two processes which start together do not both migrate.
 * @returns the names of the steps that were applied.
 * @throws STORE_NEWER if the database was written by a newer version; nothing is changed then.
 */
export const migrate = (database: Migratable, migrations: readonly Migration[]): string[] => {
  const found = database.version();
  mustBeKnown(database.where, found, migrations);
  const missing = migrations.filter(({ version }) => version > found);
  for (const migration of missing) database.apply(migration);
  return missing.map(({ version, name }) => `${version} ${name}`);
};

/** @throws STORE_NEWER for a schema of a version that comes after ours. */
export const mustBeKnown = (where: string, found: number, migrations: readonly Migration[]): void => {
  const known = migrations.at(-1)?.version ?? 0;
  if (found > known) throw storeNewer(where, found, known);
};
