/** The flow document on the server, as its author wrote it. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { asProblem } from '../../api/problem'

/** A document and the tag of its revision. */
interface StoredFlows {
  text: string
  tag?: string | undefined
}

/** Before the first one. */
const NONE: StoredFlows = { text: '', tag: '"0.yaml"' }

async function fetchFlows(id: string): Promise<StoredFlows> {
  const call = api.GET('/api/v1/assistants/{id}/flows', {
    params: { path: { id } },
    headers: { Accept: 'application/yaml' },
    parseAs: 'text',
  })
  try {
    const text = (await unwrap(call)) as string
    return { text, tag: (await call).response.headers.get('etag') ?? undefined }
  } catch (error) {
    if (asProblem(error).code === 'not_found') return NONE
    throw error
  }
}

/** The document as YAML; the empty string before the first one. */
export function useFlows(id: string) {
  return useQuery({
    queryKey: keys.flows(id),
    queryFn: () => fetchFlows(id),
    select: ({ text }: StoredFlows) => text,
  })
}

export interface EditedFlows {
  text: string
  /** The document of which the text was made. */
  base: string
}

/** Puts a text in the place of the revision with this tag; the tag of the new one. */
async function putFlows(id: string, { text, tag }: StoredFlows): Promise<string | undefined> {
  const call = api.PUT('/api/v1/assistants/{id}/flows', {
    params: { path: { id }, header: tag ? { 'If-Match': tag } : {} },
    headers: { 'Content-Type': 'application/yaml' },
    body: text,
    bodySerializer: () => text,
  })
  await unwrap(call)
  return (await call).response.headers.get('etag') ?? undefined
}

/** Saves the text, unless somebody else has saved another one since; says whether it did. */
export function useSaveFlows(id: string) {
  const client = useQueryClient()
  const know = (flows: StoredFlows) => client.setQueryData(keys.flows(id), flows)
  return useMutation({
    // An answer that is under way knows nothing of what is saved here.
    onMutate: () => client.cancelQueries({ queryKey: keys.flows(id) }),
    mutationFn: async ({ text, base }: EditedFlows) => {
      const now = await fetchFlows(id)
      if (now.text !== base) {
        know(now)
        return false
      }
      try {
        // What was sent is what stands there: comments and layout are the author's.
        know({ text, tag: await putFlows(id, { text, tag: now.tag }) })
        return true
      } catch (error) {
        if (asProblem(error).code !== 'conflict') throw error
        know(await fetchFlows(id))
        return false
      }
    },
  })
}
