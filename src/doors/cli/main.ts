#!/usr/bin/env node
/** Where the command line begins. */
import { enableCompileCache } from 'node:module';

// Before anything else is loaded: a command starts in a third of the time when its modules were compiled before.
enableCompileCache();
const { runProgram } = await import('./program.ts');
// Not exit(): what is still on its way to a pipe must arrive.
process.exitCode = await runProgram(process.argv.slice(2), process);
