/** What jsdom lacks and Mantine needs, matchers, and the texts. */
import '@testing-library/jest-dom/vitest'
import { notifications } from '@mantine/notifications'
import { cleanup, configure } from '@testing-library/react'
import { afterEach, beforeAll, expect, vi } from 'vitest'
import * as axeMatchers from 'vitest-axe/matchers'
import { startI18n } from '../i18n'

expect.extend(axeMatchers)
// Pages are loaded on demand; on a busy machine the first one takes longer than the default second.
configure({ asyncUtilTimeout: 20_000 })

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
// Everything has a place in the window: Mantine hides a menu as soon as it has found that its button has none.
const PLACE = { x: 10, y: 10, left: 10, top: 10, right: 20, bottom: 20, width: 10, height: 10 }
Element.prototype.getBoundingClientRect = () => ({ ...PLACE, toJSON: () => PLACE })
for (const side of ['clientWidth', 'clientHeight']) {
  Object.defineProperty(document.documentElement, side, { value: 1024 })
}
Element.prototype.scrollIntoView = vi.fn()
Object.defineProperty(document, 'fonts', { value: new EventTarget() })
window.scrollTo = vi.fn() as typeof window.scrollTo

beforeAll(() => startI18n('en'))
afterEach(() => {
  cleanup()
  notifications.clean()
})
