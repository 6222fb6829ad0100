/** A text cut at its entities. */
import type { Entity } from '../../api/types'

/** Where it is, in Unicode scalar values. */
interface Placed {
  start: number
  end: number
}

export interface Part<E extends Placed = Entity> {
  text: string
  /** Where the part starts, in Unicode scalar values. */
  start: number
  entity?: E
}

/** The parts of `text` in order. Where two entities overlap, the one that starts first stays. */
export function entityParts<E extends Placed>(text: string, entities: E[]): Part<E>[] {
  const characters = Array.from(text)
  const parts: Part<E>[] = []
  let at = 0
  const add = (start: number, end: number, entity?: E) => {
    if (end <= start) return
    const part = { text: characters.slice(start, end).join(''), start }
    parts.push(entity ? { ...part, entity } : part)
  }
  for (const entity of [...entities].sort((a, b) => a.start - b.start)) {
    if (entity.start < at || entity.end > characters.length) continue
    add(at, entity.start)
    add(entity.start, entity.end, entity)
    at = entity.end
  }
  add(at, characters.length)
  return parts
}
