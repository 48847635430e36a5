/** The end of a forked process: the manager lives here, and is served to the parent over the messages between the two. */
import { JobManager, job } from 'backline';
import { processPort, servePort } from 'backline/ipc';

const manager = new JobManager(':memory:', {
  jobs: { double: job({ run: async (n: number) => 2 * n }) },
  logger: false,
  handleSignals: false,
});
await manager.start();
servePort(manager, processPort(process), { methods: { whoAreYou: () => process.pid } });
process.send?.('ready');
process.on('disconnect', () => void manager.close());
