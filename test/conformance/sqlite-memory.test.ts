import { describeStore } from './describe-store.ts';
import { sqliteMemory } from './sqlite.ts';

describeStore('SQLite in memory', sqliteMemory);
