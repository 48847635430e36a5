/** A PostgreSQL address: what is ours in it, what goes to the driver, and how it is shown. */
import { invalidOption, unknownStore } from '../../job/errors.ts';
import { maskSecrets } from '../../util/mask.ts';

export interface Address {
  /** For the driver; holds the password. */
  readonly connectionString: string;
  readonly schema: string;
  /** For people; without secrets. */
  readonly where: string;
}

const DEFAULT_SCHEMA = 'backline';

/** `postgres://user:password@host:5432/database?schema=backline`; all other parameters are the driver's, TLS among them. */
export const parseAddress = (given: string): Address => {
  const url = parse(given);
  const schema = url.searchParams.get('schema') ?? DEFAULT_SCHEMA;
  // Not more than a name of PostgreSQL can hold; the server's own schemas are its own.
  if (!/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(schema) || schema === 'information_schema')
    throw invalidOption('schema', schema, 'lower-case letters, digits and _, at most 63, not beginning with pg_');
  url.searchParams.delete('schema');
  const where = `${maskSecrets(url.href)}${url.search === '' ? '?' : '&'}schema=${schema}`;
  return { connectionString: url.href, schema, where };
};

/**
 * Without a host it is this machine's. What a password that was not encoded has broken apart is refused: its pieces would be taken
 * for host or database, and shown. @throws UNKNOWN_STORE.
 */
const parse = (given: string): URL => {
  let url: URL;
  try {
    url = new URL(given.replace(/^(postgres(?:ql)?:\/\/[^/?#]*@)(?=\/|$)/i, '$1localhost'));
  } catch {
    throw unknownStore(maskSecrets(given));
  }
  if (!/^postgres(ql)?:\/\//i.test(given) || url.hash !== '' || url.pathname.includes('@'))
    throw unknownStore(maskSecrets(given));
  return url;
};
