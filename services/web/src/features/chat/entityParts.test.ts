import { expect, test } from 'vitest'
import type { Entity } from '../../api/types'
import { entityParts } from './entityParts'

const entity = (start: number, end: number, name = 'reading'): Entity => ({
  entity: name,
  start,
  end,
  value: '',
  confidence: 1,
  extractor: 'model',
})
const cut = (text: string, ...entities: Entity[]) =>
  entityParts(text, entities).map(part => (part.entity ? `[${part.text}]` : part.text))

test('a text without entities is one part', () => {
  expect(cut('hello')).toEqual(['hello'])
})

test('entities are cut out in the order of the text', () => {
  expect(cut('from A to B', entity(10, 11), entity(5, 6))).toEqual(['from ', '[A]', ' to ', '[B]'])
})

test('offsets count characters, not UTF-16 units', () => {
  expect(cut('😀 48213', entity(2, 7))).toEqual(['😀 ', '[48213]'])
})

test('of overlapping entities the first one stays', () => {
  expect(cut('abc', entity(0, 2), entity(1, 3))).toEqual(['[ab]', 'c'])
})

test('an entity beyond the text is left out', () => {
  expect(cut('abc', entity(2, 9))).toEqual(['abc'])
})
