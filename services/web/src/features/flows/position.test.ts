import { expect, test } from 'vitest'
import { offsetOf } from './position'

test('a place is found by line and column', () => {
  expect(offsetOf('ab\ncd\nef', 2, 2)).toBe(4)
})

test('columns count characters, not UTF-16 units', () => {
  expect(offsetOf('a\n😀b', 2, 2)).toBe(4)
})

test('a place beyond the text is its end', () => {
  expect(offsetOf('ab', 9, 9)).toBe(2)
})
