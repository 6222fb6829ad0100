import { resolve } from 'node:path'
import { defineConfig } from '@playwright/test'

const output = resolve(process.env.E2E_OUTPUT ?? '../../target/e2e')
// Chromium refuses its sandbox to root, which tests in a container are.
const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []

export default defineConfig({
  testDir: 'e2e',
  outputDir: resolve(output, 'failures'),
  // The steps build on a real platform with real trainings, one after the other.
  workers: 1,
  fullyParallel: false,
  // A flaky test is a bug of today.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [
    ['list'],
    ['junit', { outputFile: process.env.E2E_JUNIT ?? resolve(output, 'junit.xml') }],
  ],
  metadata: { output },
  use: {
    baseURL: process.env.STOA_URL ?? 'http://127.0.0.1:8080',
    locale: 'en-GB',
    viewport: { width: 1360, height: 860 },
    // Transitions would be in the screenshots, and half-faded text fails the contrast check.
    contextOptions: { reducedMotion: 'reduce' },
    screenshot: 'only-on-failure',
    trace: 'retain-on-failure',
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH ?? '/usr/bin/chromium',
      args: [
        ...asRoot,
        '--disable-gpu',
        '--disable-quic',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-dev-shm-usage',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
})
