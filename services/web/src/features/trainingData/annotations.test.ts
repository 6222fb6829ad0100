import { expect, test } from 'vitest'
import { asInField, moveAlong, overlapped, selectedPlace, textAt, trimmed } from './annotations'

const city = (start: number, end: number) => ({ start, end, entity: 'city' })

test('a selection is counted in characters, whatever they take in a browser', () => {
  const text = '👋🏽 στη Ρώμη 🚂!'
  const from = text.indexOf('Ρώμη')
  const place = selectedPlace(text, from, from + 4)
  expect(place).toEqual({ start: 7, end: 11 })
  expect(textAt(text, { start: 7, end: 11 })).toBe('Ρώμη')
  // The train takes two units of UTF-16: half of it is all of it.
  const train = text.indexOf('🚂')
  expect(selectedPlace(text, train + 1, train + 2)).toEqual({ start: 12, end: 13 })
})

test('a field keeps the line feed of each newline alone', () => {
  const text = 'to\r\nRome\r\nnow'
  const field = 'to\nRome\nnow'
  expect(asInField(text, [city(4, 8)])).toEqual({ text: field, entities: [city(3, 7)] })
  const from = field.indexOf('Rome')
  expect(selectedPlace(text, from, from + 4)).toEqual({ start: 4, end: 8 })
  expect(selectedPlace(text, from - 1, from + 5)).toEqual({ start: 4, end: 8 })
  expect(selectedPlace(text, 0, field.length)).toEqual({ start: 0, end: 13 })
  expect(asInField('a\rb', [city(2, 3)])).toEqual({ text: 'a\nb', entities: [city(2, 3)] })
})

test('space around a selection is not marked, and space alone is nothing', () => {
  expect(selectedPlace('to Rome now', 2, 8)).toEqual({ start: 3, end: 7 })
  expect(selectedPlace('to Rome', 2, 3)).toBeUndefined()
  expect(selectedPlace('to Rome', 3, 3)).toBeUndefined()
})

test('neighbours do not overlap, one shared character does', () => {
  expect(overlapped([city(3, 7)], { start: 7, end: 9 })).toBeUndefined()
  expect(overlapped([city(3, 7)], { start: 6, end: 9 })).toEqual(city(3, 7))
  const itself = city(3, 7)
  expect(overlapped([itself], { start: 3, end: 9 }, itself)).toBeUndefined()
})

test('annotations move along with the text', () => {
  const move = (before: string, after: string) => moveAlong([city(3, 7)], before, after)
  expect(move('to Rome', '🙂 to Rome')).toEqual([city(5, 9)])
  expect(move('to Rome', 'to Rome now')).toEqual([city(3, 7)])
  expect(move('to Rome', 'to Roome')).toEqual([city(3, 8)])
  expect(move('to Rome', 'to Rme')).toEqual([city(3, 6)])
  expect(move('to Rome', 'to ')).toEqual([])
  expect(move('go to Rome', 'goXXme')).toEqual([])
})

test('space around an example goes, and its annotations stay on their words', () => {
  const example = { text: '  to Rome ', intent: 'go', entities: [city(5, 9)] }
  expect(trimmed(example)).toEqual({ text: 'to Rome', intent: 'go', entities: [city(3, 7)] })
})
