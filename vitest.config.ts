import { configDefaults, defineConfig } from 'vitest/config';

/** Makes `import … from 'backline'` mean src/index.ts, the same modules that tests beside the code import. */
const conditions = ['backline-source', 'module', 'node', 'development|production'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'src/**/*.test.ts',
      'dashboard/**/*.test.ts',
      'test/**/*.test.ts',
      'examples/**/*.test.ts',
      'bench/**/*.test.ts',
    ],
    exclude: [...configDefaults.exclude, '.tools/**', '.dist-new/**'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    coverage: { include: ['src/**/*.ts'], exclude: ['**/*.test.ts'] },
  },
});
