/** The revisions of training data on the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import type { TrainingData } from '../../api/types'

/** More than are kept. */
const LIMIT = 100

/** The revisions that are kept, newest first. */
export function useRevisions(id: string) {
  return useQuery({
    queryKey: keys.revisions(id),
    queryFn: async () => {
      const call = api.GET('/api/v1/assistants/{id}/training-data/revisions', {
        params: { path: { id }, query: { limit: LIMIT } },
      })
      return (await unwrap(call)).items
    },
  })
}

/** The data of a revision, which never changes. */
export function useRevision(id: string, version: number) {
  return useQuery({
    queryKey: keys.revision(id, version),
    queryFn: async () => {
      const call = api.GET('/api/v1/assistants/{id}/training-data/revisions/{version}', {
        params: { path: { id, version } },
        headers: { Accept: 'application/json' },
      })
      return (await unwrap(call)) as TrainingData
    },
    staleTime: Number.POSITIVE_INFINITY,
  })
}

interface GoBack {
  version: number
  /** The latest revision that was seen. */
  latest: number
}

/** Goes back to a revision, unless there is a newer one than was seen. */
export function useRestoreRevision(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ version, latest }: GoBack) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/training-data/revisions/{version}/restore', {
          params: { path: { id, version }, header: { 'If-Match': `"${latest}.json"` } },
        }),
      ),
    onSettled: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.revisions(id), exact: true }),
        client.invalidateQueries({ queryKey: keys.trainingData(id) }),
      ]),
  })
}
