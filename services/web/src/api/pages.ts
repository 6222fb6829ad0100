/** Lists that come in pages. */
import type { InfiniteData } from '@tanstack/react-query'

export interface Page<T> {
  items: T[]
  next_cursor?: string | null
}

/** How many the server gives at most at a time. */
const MOST = 100

/** What a query over pages asks for: this many at a time, from where the page before ended. */
export const paged = (limit: number, cursor: string) => (cursor ? { limit, cursor } : { limit })

/** How a query over pages goes on. */
export const inPages = {
  initialPageParam: '',
  getNextPageParam: (page: Page<unknown>) => page.next_cursor ?? undefined,
}

/** The pages that have been asked for, as one list. */
export function flat<T>(data: InfiniteData<Page<T>>): T[] {
  return data.pages.flatMap(page => page.items)
}

/** All pages, for what must not miss one: a choice, a search, a name. */
export async function whole<T>(
  fetchPage: (query: ReturnType<typeof paged>) => Promise<Page<T>>,
): Promise<T[]> {
  const items: T[] = []
  let cursor = ''
  do {
    const page = await fetchPage(paged(MOST, cursor))
    items.push(...page.items)
    cursor = page.next_cursor ?? ''
  } while (cursor)
  return items
}
