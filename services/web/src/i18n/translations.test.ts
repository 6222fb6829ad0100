import { expect, test } from 'vitest'
import { el } from './el'
import { en } from './en'

type Texts = { [key: string]: string | Texts }

/** Every text as "path placeholders". */
function outline(texts: Texts, prefix = ''): string[] {
  return Object.entries(texts).flatMap(([key, value]) => {
    if (typeof value !== 'string') return outline(value, `${prefix}${key}.`)
    const placeholders = value.match(/{{\w+}}/g) ?? []
    return `${prefix}${key} ${placeholders.sort().join(' ')}`
  })
}

test('Greek has the texts of English with the same placeholders', () => {
  expect(outline(el)).toEqual(outline(en))
})
