import type { Cli, Flags } from './connect.ts';
import type { ExitCode } from './exit-code.ts';

/** What a command does; without an exit code it went well. */
export type Action = (cli: Cli) => Promise<ExitCode> | Promise<void>;

/** Runs a command with its flags; errors and the exit code are main's business. */
export type Run = (flags: Flags, action: Action) => Promise<void>;
