import { describePostgres } from './describe-postgres.ts';
import { embedded18 } from './postgres.ts';

describePostgres('PostgreSQL 18', embedded18);
