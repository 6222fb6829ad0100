import { expect, test } from 'vitest'
import type { Event } from '../../api/types'
import { isAnswered, mergeEvents, pressedButton } from './timeline'

const at = '2026-01-01T10:00:00Z'
const user = (sequence: number, text: string): Event => ({
  sequence,
  at,
  event: 'user',
  text,
  parse: null,
})
const offer = (sequence: number): Event => ({
  sequence,
  at,
  event: 'assistant',
  message: { type: 'buttons', text: 'Sure?', buttons: [{ title: 'Yes', payload: '/yes' }] },
})

test('an event that arrives twice is shown once, in the order of the conversation', () => {
  const merged = mergeEvents([user(1, 'a'), user(3, 'c')], [user(2, 'b'), user(3, 'c')])
  expect(merged.map(event => event.sequence)).toEqual([1, 2, 3])
})

test('a pressed button shows its title, not its payload', () => {
  expect(pressedButton([offer(1), user(2, '/yes')], 1)).toBe('Yes')
})

test('a typed text is no pressed button', () => {
  expect(pressedButton([offer(1), user(2, 'yes')], 1)).toBeUndefined()
})

test('a button of an earlier turn does not count', () => {
  expect(pressedButton([offer(1), user(2, 'no'), user(3, '/yes')], 2)).toBeUndefined()
})

test('buttons are answered once the user has spoken', () => {
  expect(isAnswered([offer(1)], 0)).toBe(false)
  expect(isAnswered([offer(1), user(2, 'yes')], 0)).toBe(true)
})
