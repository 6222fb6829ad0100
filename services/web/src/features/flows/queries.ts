/** The flow document on the server, as its author wrote it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { asProblem } from '../../api/problem'

async function fetchFlows(id: string): Promise<string> {
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
}

/** The document as YAML; the empty string before the first one. */
export function useFlows(id: string) {
  return useQuery({ queryKey: keys.flows(id), queryFn: () => fetchFlows(id) })
}

export interface EditedFlows {
  text: string
  /** The document of which the text was made. */
  base: string
}

const putFlows = (id: string, text: string) =>
  unwrap(
    api.PUT('/api/v1/assistants/{id}/flows', {
      params: { path: { id } },
      headers: { 'Content-Type': 'application/yaml' },
      body: text,
      bodySerializer: () => text,
    }),
  )

/** Saves the text, unless somebody else has saved another one since; says whether it did. */
export function useSaveFlows(id: string) {
  const client = useQueryClient()
  return useMutation({
    // An answer that is under way knows nothing of what is saved here.
    onMutate: () => client.cancelQueries({ queryKey: keys.flows(id) }),
    mutationFn: async ({ text, base }: EditedFlows) => {
      const now = await fetchFlows(id)
      if (now === base) await putFlows(id, text)
      // What was sent is what stands there: comments and layout are the author's.
      client.setQueryData(keys.flows(id), now === base ? text : now)
      return now === base
    },
  })
}
