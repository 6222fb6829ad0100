import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` needs a running platform for everything below these paths.
const gateway = process.env.STOA_URL ?? 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react()],
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: gateway, ws: true } },
  },
  build: {
    target: 'es2023',
    // The first versions with `light-dark()`: older targets would have it compiled away, which needs
    // the colour scheme in the same style sheet.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // The content security policy allows images and fonts from our own origin only, no `data:`.
    assetsInlineLimit: 0,
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/testing/setup.ts'],
    // A loaded CI machine took more than the default 5 s for the first render.
    testTimeout: 60_000,
    reporters: process.env.JUNIT_OUTPUT ? ['default', 'junit'] : ['default'],
    outputFile: process.env.JUNIT_OUTPUT ? { junit: process.env.JUNIT_OUTPUT } : undefined,
  },
})
