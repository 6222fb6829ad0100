/** How answers are cached, and which failures are worth another try. */
import { QueryClient } from '@tanstack/react-query'
import { asProblem } from './problem'

const RETRIES = 2
/** Whatever the browser thinks of the network, it is tried: what waits in silence looks like what takes long. */
const EVEN_OFFLINE = { networkMode: 'always' } as const

/** Only what may go away by itself is tried again; a 404 stays a 404. */
function worthRetrying(failures: number, error: unknown): boolean {
  const { code } = asProblem(error)
  return failures < RETRIES && (code === 'network' || code === 'unavailable')
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        retry: worthRetrying,
        staleTime: 5_000,
        ...EVEN_OFFLINE,
        // By default only who waits for the network asks again when it is back.
        refetchOnReconnect: true,
      },
      // A mutation is repeated by the user, who sees the problem and decides.
      mutations: { retry: false, ...EVEN_OFFLINE },
    },
  })
}
