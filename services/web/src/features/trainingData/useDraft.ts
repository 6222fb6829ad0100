/** Examples as they are being edited: what was read, and what is to become of it. */
import { useState } from 'react'
import type { Example } from '../../api/types'
import { trimmed } from './annotations'
import { type Change, exampleKey } from './changes'
import type { StoredData } from './queries'

/** An example on the page. */
export interface Row {
  id: string
  /** As it was read; absent if it is new. */
  from?: Example | undefined
  /** As it is now; of a removed one, as it was before. */
  example: Example
  isRemoved: boolean
}

interface Draft {
  base: StoredData
  /** By the place in what was read; null is removed. */
  edits: Record<number, Example | null>
  added: { id: string; example: Example }[]
}

const fresh = (base: StoredData): Draft => ({ base, edits: {}, added: [] })

export function useDraft(stored: StoredData) {
  const [draft, setDraft] = useState(() => fresh(stored))
  const changes = changesOf(draft)
  // What others store is shown at once, unless it would take away what was typed here.
  if (changes.length === 0 && stored !== draft.base) setDraft(fresh(stored))

  return {
    base: draft.base,
    changes,
    rowsOf: (intent: string | null) => rowsOf(draft, intent),
    add: (example: Example) =>
      setDraft(now => ({ ...now, added: [...now.added, { id: crypto.randomUUID(), example }] })),
    set: (row: Row, example: Example | null) => setDraft(now => edited(now, row, example)),
    restore: (row: Row) => setDraft(now => edited(now, row, row.from ?? row.example)),
    discard: () => setDraft(fresh(stored)),
    /** What was saved is what stands there. */
    accept: (base: StoredData) => setDraft(fresh(base)),
  }
}

function edited(draft: Draft, row: Row, example: Example | null): Draft {
  if (row.from) return { ...draft, edits: { ...draft.edits, [Number(row.id)]: example } }
  const added = draft.added.flatMap(one => {
    if (one.id !== row.id) return one
    return example ? { ...one, example } : []
  })
  return { ...draft, added }
}

function rowsOf({ base, edits, added }: Draft, intent: string | null): Row[] {
  const rows: Row[] = []
  base.data.examples.forEach((from, index) => {
    const edit = edits[index]
    const example = edit ?? from
    // One that is moved stays in sight until it is saved.
    if ((from.intent ?? null) !== intent && (example.intent ?? null) !== intent) return
    rows.push({ id: String(index), from, example, isRemoved: edit === null })
  })
  const news = added.filter(({ example }) => (example.intent ?? null) === intent)
  return [...rows, ...news.map(({ id, example }) => ({ id, example, isRemoved: false }))]
}

function changesOf({ base, edits, added }: Draft): Change[] {
  const changes: Change[] = Object.entries(edits).flatMap(([index, edit]) => {
    const from = base.data.examples[Number(index)]
    const to = edit ? trimmed(edit) : undefined
    return to && from && exampleKey(to) === exampleKey(from) ? [] : { from, to }
  })
  return [...changes, ...added.map(({ example }) => ({ to: trimmed(example) }))]
}
