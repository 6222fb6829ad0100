/** Languages of the console; the choice is kept in local storage. */
import i18next, { type Resource } from 'i18next'
import { initReactI18next } from 'react-i18next'
import { en } from './en'

/** The languages, each by its own name. */
export const LANGUAGES = [
  { value: 'en', label: 'English' },
  { value: 'el', label: 'Ελληνικά' },
] as const

export type Language = (typeof LANGUAGES)[number]['value']

const KEY = 'stoa.language'

function wanted(): Language {
  const stored = localStorage.getItem(KEY)
  const tag = (stored ?? navigator.language).slice(0, 2)
  return LANGUAGES.find(language => language.value === tag)?.value ?? 'en'
}

/** English is in the entry; the others are loaded when they are chosen. */
async function load(language: Language) {
  if (language === 'en' || i18next.hasResourceBundle(language, 'translation')) return
  const { el } = await import('./el')
  i18next.addResourceBundle(language, 'translation', el)
}

/** Starts with the user's language; in English where its texts cannot be loaded: the page would stay empty. */
export async function startI18n(language: Language = wanted()) {
  const resources: Resource = { en: { translation: en } }
  await i18next.use(initReactI18next).init({
    resources,
    lng: 'en',
    fallbackLng: 'en',
    // React escapes.
    interpolation: { escapeValue: false },
  })
  i18next.on('languageChanged', tag => document.documentElement.setAttribute('lang', tag))
  await changeLanguage(language, { keep: false }).catch(() => i18next.changeLanguage('en'))
}

/** Changes the language, and keeps the choice unless told otherwise. */
export async function changeLanguage(language: Language, { keep = true } = {}) {
  await load(language)
  await i18next.changeLanguage(language)
  if (keep) localStorage.setItem(KEY, language)
}
