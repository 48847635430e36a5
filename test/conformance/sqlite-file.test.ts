import { describeStore } from './describe-store.ts';
import { sqliteFile } from './sqlite.ts';

describeStore('SQLite file', sqliteFile);
