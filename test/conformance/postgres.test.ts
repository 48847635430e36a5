import { describePostgres } from './describe-postgres.ts';
import { chosen } from './postgres.ts';

describePostgres('PostgreSQL 18', chosen);
