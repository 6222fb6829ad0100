/** How answers are cached, and which failures are worth another try. */
import { QueryClient } from '@tanstack/react-query'
import { asProblem } from './problem'

const RETRIES = 2

/** Only what may go away by itself is tried again; a 404 stays a 404. */
function worthRetrying(failures: number, error: unknown): boolean {
  const { code } = asProblem(error)
  return failures < RETRIES && (code === 'network' || code === 'unavailable')
}

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: { retry: worthRetrying, staleTime: 5_000 },
      // A mutation is repeated by the user, who sees the problem and decides.
      mutations: { retry: false },
    },
  })
}
