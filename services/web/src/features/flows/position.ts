/** Places in a text. */

/** The index into `text` of a line and a column, which count from 1 and in Unicode scalar values. */
export function offsetOf(text: string, line: number, column: number): number {
  const lines = text.split('\n')
  const index = Math.min(Math.max(line, 1), lines.length) - 1
  const before = lines.slice(0, index).reduce((sum, each) => sum + each.length + 1, 0)
  const inLine = Array.from(lines[index] ?? '').slice(0, Math.max(column - 1, 0))
  return before + inLine.join('').length
}
