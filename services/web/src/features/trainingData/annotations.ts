/** Entities that are marked in a text. Places count Unicode scalar values, as the API does; browsers count UTF-16. */
import type { Example } from '../../api/types'

export type Annotation = NonNullable<Example['entities']>[number]

export interface Place {
  start: number
  end: number
}

/** What a selection in a field covers of the text that the field was given, without the space around it; undefined if that is nothing. */
export function selectedPlace(text: string, from: number, to: number): Place | undefined {
  const characters = Array.from(text)
  let [start, end, at] = [-1, 0, 0]
  characters.forEach((character, index) => {
    const next = at + (isInNewline(characters, index) ? 0 : character.length)
    if (next > from && at < to) {
      if (start < 0) start = index
      end = index + 1
    }
    at = next
  })
  if (start < 0) return undefined
  const isSpace = (index: number) => /^\s$/.test(characters[index] ?? '')
  while (start < end && isSpace(start)) start += 1
  while (end > start && isSpace(end - 1)) end -= 1
  return start < end ? { start, end } : undefined
}

/** Whether it is the return of a return and line feed, of which fields keep the line feed alone. */
function isInNewline(characters: string[], index: number): boolean {
  return characters[index] === '\r' && characters[index + 1] === '\n'
}

/** A text and its annotations as a field has it: each of its newlines is a line feed there. */
export function asInField(text: string, entities: Annotation[]) {
  const characters = Array.from(text)
  const kept = (place: number) =>
    place - characters.slice(0, place).filter((_, index) => isInNewline(characters, index)).length
  const moved = ({ start, end, ...rest }: Annotation) => ({
    ...rest,
    start: kept(start),
    end: kept(end),
  })
  return { text: text.replace(/\r\n?/g, '\n'), entities: entities.map(moved) }
}

/** The part of a text. */
export function textAt(text: string, { start, end }: Place): string {
  return Array.from(text).slice(start, end).join('')
}

/** The annotation that a place shares a character with. */
export function overlapped(
  entities: Annotation[],
  { start, end }: Place,
  except?: Annotation,
): Annotation | undefined {
  return entities.find(other => other !== except && other.start < end && start < other.end)
}

/** The annotations in the order of the text. */
export function inOrder(entities: Annotation[]): Annotation[] {
  return [...entities].sort((a, b) => a.start - b.start)
}

/** The annotations after the text was edited: they move along; one whose edge was written over is gone. */
export function moveAlong(entities: Annotation[], before: string, after: string): Annotation[] {
  const [old, now] = [Array.from(before), Array.from(after)]
  const shorter = Math.min(old.length, now.length)
  let head = 0
  while (head < shorter && old[head] === now[head]) head += 1
  let tail = 0
  while (tail < shorter - head && old[old.length - 1 - tail] === now[now.length - 1 - tail])
    tail += 1
  const until = old.length - tail
  const shift = now.length - old.length
  return entities.flatMap(entity => {
    const { start, end } = entity
    if (end <= head) return entity
    if (start >= until) return { ...entity, start: start + shift, end: end + shift }
    const isInside = start <= head && until <= end && end + shift > start
    return isInside ? { ...entity, end: end + shift } : []
  })
}

/** An example without the space around its text. */
export function trimmed(example: Example): Example {
  const text = example.text.trim()
  const before = Array.from(example.text).length - Array.from(example.text.trimStart()).length
  if (text === example.text) return example
  const length = Array.from(text).length
  const entities = (example.entities ?? []).flatMap(entity => {
    const start = Math.max(0, entity.start - before)
    const end = Math.min(length, entity.end - before)
    return start < end ? { ...entity, start, end } : []
  })
  return { ...example, text, entities }
}
