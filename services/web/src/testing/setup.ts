/** What jsdom lacks and Mantine needs, matchers, and the texts. */
import '@testing-library/jest-dom/vitest'
import { notifications } from '@mantine/notifications'
import { cleanup, configure } from '@testing-library/react'
import { afterEach, beforeAll, expect, vi } from 'vitest'
import * as axeMatchers from 'vitest-axe/matchers'
import { startI18n } from '../i18n'

expect.extend(axeMatchers)
// Pages are loaded on demand; on a busy machine the first one takes longer than the default second.
configure({ asyncUtilTimeout: 10_000 })

class NoResizeObserver {
  observe() {}
  unobserve() {}
  disconnect() {}
}

Object.assign(globalThis, {
  ResizeObserver: NoResizeObserver,
  matchMedia: (query: string) => ({
    matches: false,
    media: query,
    addEventListener: vi.fn(),
    removeEventListener: vi.fn(),
    addListener: vi.fn(),
    removeListener: vi.fn(),
  }),
})
Element.prototype.scrollIntoView = vi.fn()
Object.defineProperty(document, 'fonts', { value: new EventTarget() })
window.scrollTo = vi.fn() as typeof window.scrollTo

beforeAll(() => startI18n('en'))
afterEach(() => {
  cleanup()
  notifications.clean()
})
