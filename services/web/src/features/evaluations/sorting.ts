/** The order of a table of scores. */

export interface Sorting<K> {
  by: K
  descending: boolean
}

/** The next order when a column's heading is pressed. */
export function pressed<K>(sorting: Sorting<K>, by: K): Sorting<K> {
  return sorting.by === by ? { by, descending: !sorting.descending } : { by, descending: false }
}

type Cell = string | number | null | undefined

/** The rows in order; what has no value stands last either way. */
export function sorted<T, K extends keyof T>(rows: T[], { by, descending }: Sorting<K>): T[] {
  const sign = descending ? -1 : 1
  return rows.toSorted((a, b) => {
    const [x, y] = [a[by] as Cell, b[by] as Cell]
    if (x == null || y == null) return Number(x == null) - Number(y == null)
    return sign * (typeof x === 'string' ? x.localeCompare(String(y)) : x - Number(y))
  })
}
