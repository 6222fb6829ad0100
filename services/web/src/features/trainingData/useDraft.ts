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
  /** What stood there before the base was saved. */
  outdated?: StoredData
  /** What was read. */
  read: { id: string; from: Example }[]
  /** By the id of what was read; null is removed. */
  edits: Record<string, Example | null>
  added: { id: string; example: Example }[]
}

let ids = 0

function newId(): string {
  ids += 1
  return String(ids)
}

/** A draft without changes. What stood in the one before as it stands here keeps its id, wherever it stands now. */
function fresh(base: StoredData, before?: Draft): Draft {
  const known = new Map<string, string[]>()
  for (const { id, example, isRemoved } of before ? allRows(before) : []) {
    if (isRemoved) continue
    const key = exampleKey(trimmed(example))
    known.set(key, [...(known.get(key) ?? []), id])
  }
  const read = base.data.examples.map(from => ({
    id: known.get(exampleKey(from))?.shift() ?? newId(),
    from,
  }))
  return { base, read, edits: {}, added: [] }
}

export function useDraft(stored: StoredData) {
  const [draft, setDraft] = useState(() => fresh(stored))
  const changes = changesOf(draft)
  // What others store is shown at once, unless it would take away what was typed here.
  const isNews = stored !== draft.base && stored !== draft.outdated
  if (changes.length === 0 && isNews) setDraft(fresh(stored, draft))

  return {
    base: draft.base,
    changes,
    rowsOf: (intent: string | null) => rowsOf(draft, intent),
    add: (example: Example) =>
      setDraft(now => ({ ...now, added: [...now.added, { id: newId(), example }] })),
    set: (row: Row, example: Example | null) => setDraft(now => edited(now, row, example)),
    restore: (row: Row) => setDraft(now => edited(now, row, row.from ?? row.example)),
    discard: () => setDraft(now => fresh(stored, { ...now, edits: {} })),
    /** What was saved is what stands there, though this page may hear of it only later. */
    accept: (base: StoredData, outdated: StoredData) =>
      setDraft(now => ({ ...fresh(base, now), outdated })),
  }
}

function edited(draft: Draft, row: Row, example: Example | null): Draft {
  if (row.from) return { ...draft, edits: { ...draft.edits, [row.id]: example } }
  const added = draft.added.flatMap(one => {
    if (one.id !== row.id) return one
    return example ? { ...one, example } : []
  })
  return { ...draft, added }
}

function allRows({ read, edits, added }: Draft): Row[] {
  const rows: Row[] = read.map(({ id, from }) => {
    const edit = edits[id]
    return { id, from, example: edit ?? from, isRemoved: edit === null }
  })
  return [...rows, ...added.map(({ id, example }) => ({ id, example, isRemoved: false }))]
}

/** Those of an intent. One that is moved away from it stays in sight until it is saved. */
function rowsOf(draft: Draft, intent: string | null): Row[] {
  const isOf = (example?: Example) => example && (example.intent ?? null) === intent
  return allRows(draft).filter(({ from, example }) => isOf(from) || isOf(example))
}

function changesOf({ read, edits, added }: Draft): Change[] {
  const changes: Change[] = read.flatMap(({ id, from }) => {
    const edit = edits[id]
    if (edit === undefined) return []
    const to = edit ? trimmed(edit) : undefined
    return to && exampleKey(to) === exampleKey(from) ? [] : { from, to }
  })
  return [...changes, ...added.map(({ example }) => ({ to: trimmed(example) }))]
}
