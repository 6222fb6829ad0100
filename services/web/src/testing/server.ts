/** The network in tests: answers by method and path, and a record of what was asked. */
import { afterEach, vi } from 'vitest'

type Answer = Response | Promise<Response>
type Handler = (request: Request) => Answer

/** Handlers by "METHOD /path". */
export type Routes = Record<string, Handler>

export const json = (body: unknown, status = 200) => Response.json(body, { status })

export function problem(status: number, code: string, rest: object = {}) {
  const body = {
    type: `https://stoa.dev/problems/${code}`,
    title: code,
    status,
    detail: code,
    code,
  }
  return json({ ...body, ...rest }, status)
}

export const page = (...items: unknown[]) => json({ items, next_cursor: null })

/** A list of these pages, each of which is asked for with the cursor of the one before. */
export const pages =
  (...lists: unknown[][]): Handler =>
  ({ url }) => {
    const at = Number(new URL(url).searchParams.get('cursor') ?? 0)
    const next_cursor = at + 1 < lists.length ? String(at + 1) : null
    return json({ items: lists[at], next_cursor })
  }

/** What an answer waits for until the test opens it. */
export function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}

/** Serves these routes until the test ends; anything else is not found. */
export function serve(routes: Routes): Request[] {
  const requests: Request[] = []
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push(request.clone())
    const handler = routes[`${request.method} ${new URL(request.url).pathname}`]
    return handler ? handler(request) : problem(404, 'not_found')
  })
  return requests
}

afterEach(() => vi.unstubAllGlobals())
