/** Assistants on the server. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { flat, inPages, paged, whole } from '../../api/pages'
import type {
  Assistant,
  BuiltinEntity,
  Engines,
  UpdateEngine,
  UpdateUnderstanding,
} from '../../api/types'

/** How many assistants a page shows at first. */
const SHOWN = 50

const fetchAssistants = (query: ReturnType<typeof paged>) =>
  unwrap(api.GET('/api/v1/assistants', { params: { query } }))

/** Every page that has been asked for, as one list. */
export function useAssistants() {
  return useInfiniteQuery({
    queryKey: keys.assistants,
    queryFn: ({ pageParam }) => fetchAssistants(paged(SHOWN, pageParam)),
    ...inPages,
    select: flat,
  })
}

/** All assistants, to be chosen from, searched, or called by their names. */
export function useAllAssistants({ enabled } = { enabled: true }) {
  return useQuery({
    queryKey: keys.allAssistants,
    queryFn: () => whole(fetchAssistants),
    enabled,
  })
}

export function useAssistant(id: string) {
  return useQuery({
    queryKey: keys.assistant(id),
    queryFn: () => unwrap(api.GET('/api/v1/assistants/{id}', { params: { path: { id } } })),
  })
}

/** The languages that an assistant's users may speak; any BCP 47 tag is valid for the API. */
export const ASSISTANT_LANGUAGES = ['en', 'el', 'de', 'fr', 'es', 'it', 'nl', 'pt']

export function useCreateAssistant() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: { name: string; language: string }) =>
      unwrap(api.POST('/api/v1/assistants', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.assistants }),
  })
}

export function useRenameAssistant(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(api.PATCH('/api/v1/assistants/{id}', { params: { path: { id } }, body: { name } })),
    onSuccess: assistant => {
      client.setQueryData<Assistant>(keys.assistant(id), assistant)
      return client.invalidateQueries({ queryKey: keys.assistants })
    },
  })
}

/** Switches whether what users say and the assistant is not sure of is collected in its inbox. */
export function useCollectUtterances(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (collects_utterances: boolean) =>
      unwrap(
        api.PATCH('/api/v1/assistants/{id}', {
          params: { path: { id } },
          body: { collects_utterances },
        }),
      ),
    onSuccess: assistant => client.setQueryData<Assistant>(keys.assistant(id), assistant),
  })
}

/** What an assistant finds without being taught. */
export const BUILTIN_ENTITIES: BuiltinEntity[] = [
  'datetime',
  'duration',
  'email',
  'money',
  'number',
  'ordinal',
  'percentage',
  'phone',
  'url',
]

/** Sets how an assistant understands. */
export function useUnderstanding(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (understanding: UpdateUnderstanding) =>
      unwrap(
        api.PATCH('/api/v1/assistants/{id}', {
          params: { path: { id } },
          body: { understanding },
        }),
      ),
    onSuccess: assistant => {
      client.setQueryData<Assistant>(keys.assistant(id), assistant)
      return client.invalidateQueries({ queryKey: keys.assistants })
    },
  })
}

/** Who understands what is said to an assistant; what is edited begins with what is stored now, not with a cached list. */
export function useEngines(id: string) {
  return useQuery({
    queryKey: keys.engines(id),
    queryFn: () => unwrap(api.GET('/api/v1/assistants/{id}/engines', { params: { path: { id } } })),
    gcTime: 0,
  })
}

export function useUpdateEngines(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (engines: UpdateEngine[]) =>
      unwrap(
        api.PUT('/api/v1/assistants/{id}/engines', {
          params: { path: { id } },
          body: { engines },
        }),
      ),
    // Tokens are in the input: they are not kept longer than they are typed.
    gcTime: 0,
    onSuccess: engines => client.setQueryData<Engines>(keys.engines(id), engines),
  })
}

export function useDeleteAssistant(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/v1/assistants/{id}', { params: { path: { id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.assistants }),
  })
}
