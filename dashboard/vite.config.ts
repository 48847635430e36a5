/** Builds the pages into a folder that the HTTP door serves from any path, each file also compressed. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin } from 'vite';

/** Below this a compressed copy saves less than its own headers cost. */
const WORTH_BYTES = 512;

/** Compressing at build time costs nothing per request, and may take all the time it needs. */
const compressed = (): Plugin => {
  let folder = '';
  return {
    name: 'compressed',
    configResolved({ root, build }) {
      folder = resolve(root, build.outDir);
    },
    closeBundle() {
      for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(js|css|svg)$/.test(path)) continue;
        const bytes = readFileSync(path);
        if (bytes.length < WORTH_BYTES) continue;
        writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
        const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
        writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
      }
    },
  };
};

/** The typed client needs to know where operations live; what the reference says of them is for others to read. */
const bareRoutes = (): Plugin => ({
  name: 'bare-routes',
  transform: {
    filter: { id: /src\/doors\/api\/routes\.ts$/ },
    handler: (code) => code.replace(/^\s*(?:summary|description):\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"),$/gm, ''),
  },
});

export default defineConfig({
  // Whatever refers to a file does so relative to itself: the pages do not know where they are mounted.
  base: './',
  root: import.meta.dirname,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: '../dist/dashboard',
    emptyOutDir: true,
    target: ['chrome123', 'firefox120', 'safari17.5'],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    // Defining an error does nothing that anybody here would miss: those that no page throws are left out.
    rolldownOptions: { treeshake: { manualPureFunctions: ['error'] } },
  },
  plugins: [bareRoutes(), compressed()],
});
