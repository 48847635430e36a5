/** The Python to test with, and the folder of the programs. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const PYTHON = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

export const program = (name: string): string => fileURLToPath(new URL(`./programs/${name}`, import.meta.url));
