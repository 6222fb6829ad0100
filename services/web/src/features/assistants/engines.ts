/** Engines while they are edited. */
import type { Engine, FieldError, UpdateEngine } from '../../api/types'

/** Engines of one assistant, at most. */
export const ENGINES_LIMIT = 4
/** Milliseconds that the API gives an engine if nothing else is said. */
const TIMEOUT_MS = 2_000

export interface EngineDraft {
  /** Stays the same wherever it is moved. */
  key: number
  kind: Engine['kind']
  /** The rest is of a Rasa server only. */
  url: string
  /** A new token; empty keeps what the URL has. */
  token: string
  takesTokenBack: boolean
  timeoutMs: number | string
}

export function newDraft(kind: Engine['kind'], others: EngineDraft[]): EngineDraft {
  const key = Math.max(0, ...others.map(other => other.key)) + 1
  return { key, kind, url: '', token: '', takesTokenBack: false, timeoutMs: TIMEOUT_MS }
}

export function draftsOf(engines: Engine[]): EngineDraft[] {
  return engines.map((engine, key) => {
    const draft = { ...newDraft(engine.kind, []), key }
    if (engine.kind === 'ml') return draft
    return { ...draft, url: engine.url, timeoutMs: engine.timeout_ms }
  })
}

/** Whether the server keeps a token for this URL: it goes by the URL, not by the place in the list. */
export function isTokenKept(engines: Engine[], url: string): boolean {
  return engines.some(
    engine => engine.kind === 'rasa' && engine.url === url.trim() && engine.has_token,
  )
}

export function toUpdate(draft: EngineDraft, stored: Engine[]): UpdateEngine {
  if (draft.kind === 'ml') return { kind: 'ml' }
  const url = draft.url.trim()
  const timeout_ms = Number(draft.timeoutMs) || TIMEOUT_MS
  // Of another URL there is nothing to take back, whatever was ticked before it was edited.
  if (draft.takesTokenBack && isTokenKept(stored, url)) {
    return { kind: 'rasa', url, token: null, timeout_ms }
  }
  return { kind: 'rasa', url, ...(draft.token && { token: draft.token }), timeout_ms }
}

const FIELDS: Record<string, keyof EngineDraft> = {
  url: 'url',
  token: 'token',
  timeout_ms: 'timeoutMs',
}

/** What the API says of places in the list, by the fields of the form. */
export function fieldErrors(errors: FieldError[] | null | undefined): Record<string, string> {
  const named = (errors ?? []).flatMap(({ pointer, message }) => {
    const [, index, field] = /^\/engines\/(\d+)\/(\w+)$/.exec(pointer ?? '') ?? []
    const name = FIELDS[field ?? '']
    return name ? [[`engines.${index}.${name}`, message] as const] : []
  })
  return Object.fromEntries(named)
}
