/** Trainings, models and what is tried of them on the server. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { flat, inPages, paged, whole } from '../../api/pages'
import { every } from '../../api/polling'
import type { Model, Rollout, Training } from '../../api/types'
import { type RolloutPart, withPart } from './trial'

/** How often a training under way is asked for. */
const POLL_MS = 500
/** How often the sightings of what is tried are asked for; the server gathers them for some seconds. */
const SEEN_MS = 10_000
/** How many trainings and models a page shows at first, and more at a time. */
const SHOWN = 20

export function isUnderWay(training: Training | undefined): boolean {
  return training?.status === 'queued' || training?.status === 'running'
}

/** The trainings of an assistant, newest first; asked for again and again while one is under way. */
export function useTrainings(id: string) {
  return useInfiniteQuery({
    queryKey: keys.trainings(id),
    queryFn: ({ pageParam }) => {
      const params = { path: { id }, query: paged(SHOWN, pageParam) }
      return unwrap(api.GET('/api/v1/assistants/{id}/trainings', { params }))
    },
    ...inPages,
    select: data => flat(data).toSorted((a, b) => b.created_at.localeCompare(a.created_at)),
    refetchInterval: every(POLL_MS, data => data !== undefined && flat(data).some(isUnderWay)),
  })
}

/** Reloads what a training changes (the active model, the list of models, what is tried beside it) when it has ended. */
export function useRefreshAfterTraining(id: string, latest: Training | undefined) {
  const client = useQueryClient()
  const ended = latest && !isUnderWay(latest) ? latest.id : undefined
  useEffect(() => {
    if (!ended) return
    void client.invalidateQueries({ queryKey: keys.models(id) })
    void client.invalidateQueries({ queryKey: keys.rollout(id) })
    void client.invalidateQueries({ queryKey: keys.assistant(id), exact: true })
    void client.invalidateQueries({ queryKey: keys.assistants })
  }, [client, id, ended])
}

export function useStartTraining(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (activate: boolean) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/trainings', {
          params: { path: { id } },
          body: { activate },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.trainings(id) }),
  })
}

const fetchModels = (id: string, query: ReturnType<typeof paged>) =>
  unwrap(api.GET('/api/v1/assistants/{id}/models', { params: { path: { id }, query } }))

const newestFirst = (models: Model[]) => models.toSorted((a, b) => b.version - a.version)

/** The models of an assistant, newest first. */
export function useModels(id: string) {
  return useInfiniteQuery({
    queryKey: keys.models(id),
    queryFn: ({ pageParam }) => fetchModels(id, paged(SHOWN, pageParam)),
    ...inPages,
    select: data => newestFirst(flat(data)),
  })
}

/** All models of an assistant, to be chosen from. */
export function useAllModels(id: string) {
  return useQuery({
    queryKey: keys.allModels(id),
    queryFn: async () => newestFirst(await whole(query => fetchModels(id, query))),
  })
}

export function useActivateModel(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (version: number) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/models/{version}/activate', {
          params: { path: { id, version } },
        }),
      ),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.models(id) }),
        client.invalidateQueries({ queryKey: keys.rollout(id) }),
        client.invalidateQueries({ queryKey: keys.assistant(id), exact: true }),
        client.invalidateQueries({ queryKey: keys.assistants }),
      ]),
  })
}

const fetchRollout = (id: string) =>
  unwrap(api.GET('/api/v1/assistants/{id}/rollout', { params: { path: { id } } }))

/** What is tried beside the active version; asked for again and again, for others try too. */
export function useRollout(id: string) {
  return useQuery({
    queryKey: keys.rollout(id),
    queryFn: () => fetchRollout(id),
    refetchInterval: every(SEEN_MS),
  })
}

/** Tries a version from now on, or ends that. What somebody else tries meanwhile goes on. */
export function useUpdateRollout(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (part: RolloutPart) => {
      const body = withPart(await fetchRollout(id), part)
      const params = { path: { id } }
      return unwrap(api.PUT('/api/v1/assistants/{id}/rollout', { params, body }))
    },
    onSuccess: rollout => client.setQueryData<Rollout>(keys.rollout(id), rollout),
    // Refused is what contradicts the present state: a version that is active meanwhile.
    onError: () => client.invalidateQueries({ queryKey: keys.rollout(id) }),
  })
}
