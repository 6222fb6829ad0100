import i18next from 'i18next'
import { expect, test, vi } from 'vitest'
import { startI18n } from '.'

vi.mock('./el', () => {
  throw new Error('Failed to fetch dynamically imported module')
})

test('a language whose texts cannot be loaded leaves the console in English, and the choice as it is', async () => {
  localStorage.setItem('stoa.language', 'el')
  await startI18n()
  expect(i18next.t('app.save')).toBe('Save')
  expect(document.documentElement.lang).toBe('en')
  expect(localStorage.getItem('stoa.language')).toBe('el')
  localStorage.removeItem('stoa.language')
})
