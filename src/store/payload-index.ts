/** Names of indexes on a value within payloads: the same in both databases, whatever signs a path has. */
import { digest } from '../util/ids.ts';

const PREFIX = 'job_payload_';

export const indexOf = (path: readonly string[]): string => `${PREFIX}${digest(path.join('.')).slice(0, 24)}`;
