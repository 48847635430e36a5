/** What a Node child runs: imports the module with the handlers, then serves. */
import { Channel } from './child-serve.ts';
import { handlersIn } from './serving.ts';

// The module's own arguments follow, as if it were the program.
const [module] = process.argv.splice(2, 1) as [string];
const channel = new Channel();
try {
  channel.serve(handlersIn(await import(module), module), module);
} catch (error) {
  channel.refuse(error);
}
