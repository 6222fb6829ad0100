/** The lines to mark in the editor. */
import { asProblem } from '../../api/problem'

/** Lines named by a problem; none once the text is no longer the one that was refused. */
export function errorLines(error: unknown, unchanged: boolean): ReadonlySet<number> {
  if (!error || !unchanged) return new Set()
  const lines = asProblem(error).problem?.errors?.map(place => place.line) ?? []
  return new Set(lines.filter(line => typeof line === 'number'))
}
