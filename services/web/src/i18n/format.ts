/** Numbers and times as the chosen language writes them. */
import { useTranslation } from 'react-i18next'

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

function relative(language: string, iso: string, now: number): string {
  const seconds = (Date.parse(iso) - now) / 1000
  const format = new Intl.RelativeTimeFormat(language, { numeric: 'auto' })
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? ['second', 1]
  return format.format(Math.trunc(seconds / size), unit)
}

function bytes(language: string, count: number): string {
  const [unit, size] = count >= 1_000_000 ? ['megabyte', 1_000_000] : ['kilobyte', 1_000]
  const options = { style: 'unit', unit: unit as string, maximumFractionDigits: 1 } as const
  return new Intl.NumberFormat(language, options).format(count / (size as number))
}

function time(language: string, iso: string, timeZone?: string) {
  const options = { dateStyle: 'medium', timeStyle: 'short', timeZone } as const
  const format = new Intl.DateTimeFormat(language, options)
  return { text: format.format(new Date(iso)), zone: format.resolvedOptions().timeZone }
}

function timeIn(language: string, iso: string, timeZone: string) {
  try {
    return { ...time(language, iso, timeZone), zone: timeZone }
  } catch {
    return time(language, iso)
  }
}

/** Formatters in the language of the console. */
export function useFormat() {
  const { i18n } = useTranslation()
  const language = i18n.language
  return {
    number: (value: number) => new Intl.NumberFormat(language).format(value),
    seconds: (value: number) =>
      new Intl.NumberFormat(language, { maximumFractionDigits: 1 }).format(value),
    percent: (value: number, digits = 0) =>
      new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: digits }).format(
        value,
      ),
    /** A difference with its sign: "+2.1". */
    change: (value: number) =>
      new Intl.NumberFormat(language, {
        signDisplay: 'exceptZero',
        maximumFractionDigits: 1,
      }).format(value),
    bytes: (count: number) => bytes(language, count),
    /** "3 minutes ago". */
    ago: (iso: string, now = Date.now()) => relative(language, iso, now),
    /** The whole date and time, for a tooltip. */
    time: (iso: string) => time(language, iso).text,
    /** The same as the clocks of a time zone show it, and that zone: the browser's own if it knows no such one. */
    timeIn: (iso: string, zone: string) => timeIn(language, iso, zone),
  }
}
