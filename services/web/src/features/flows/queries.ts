/** The flow document on the server, as its author wrote it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { asProblem } from '../../api/problem'

/** The document as YAML; the empty string before the first one. */
export function useFlows(id: string) {
  return useQuery({
    queryKey: keys.flows(id),
    queryFn: async () => {
      const call = api.GET('/api/v1/assistants/{id}/flows', {
        params: { path: { id } },
        headers: { Accept: 'application/yaml' },
        parseAs: 'text',
      })
      try {
        return (await unwrap(call)) as string
      } catch (error) {
        if (asProblem(error).code === 'not_found') return ''
        throw error
      }
    },
  })
}

export function useSaveFlows(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (text: string) =>
      unwrap(
        api.PUT('/api/v1/assistants/{id}/flows', {
          params: { path: { id } },
          headers: { 'Content-Type': 'application/yaml' },
          body: text,
          bodySerializer: () => text,
        }),
      ),
    // What was sent is what stands there: comments and layout are the author's.
    onSuccess: (_, text) => client.setQueryData(keys.flows(id), text),
  })
}
