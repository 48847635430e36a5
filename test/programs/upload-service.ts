/** A service that takes uploads and tells its parent what memory it has. Arguments: folder of uploads, folder of jobs. */
import { JobManager, startServer, Uploads } from 'backline';

const [folder, jobsDir] = process.argv.slice(2) as [string, string];
const manager = new JobManager(':memory:', { logger: false, handleSignals: false });
await manager.start();
const uploads = new Uploads({ folder, jobsDir });
await uploads.start();
const { port } = await startServer(manager, { host: '127.0.0.1', port: 0, uploads });

let peakBytes = 0;
const look = (): void => {
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
};
setInterval(look, 5);
process.on('message', () => {
  look();
  process.send!({ peakBytes });
  peakBytes = 0;
});
process.on('disconnect', () => process.exit(1));
process.send!({ port });
