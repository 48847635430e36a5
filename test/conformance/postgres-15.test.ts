import { describePostgres } from './describe-postgres.ts';
import { debian15 } from './postgres.ts';

describePostgres('PostgreSQL 15', debian15);
