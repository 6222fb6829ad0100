import { act, render, screen } from '@testing-library/react'
import { afterEach, expect, test, vi } from 'vitest'
import { Ago } from './Ago'

afterEach(() => vi.useRealTimers())

test('an age grows while nothing else changes', () => {
  vi.useFakeTimers({ now: new Date('2026-01-01T10:00:30Z') })
  render(<Ago at="2026-01-01T10:00:00Z" />)
  expect(screen.getByText('30 seconds ago')).toBeVisible()
  act(() => vi.advanceTimersByTime(60_000))
  expect(screen.getByText('1 minute ago')).toBeVisible()
})
