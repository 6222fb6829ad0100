/** Evaluations on the server. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { flat, inPages, paged } from '../../api/pages'
import { every } from '../../api/polling'
import type { Evaluation } from '../../api/types'
import type { TextFile } from '../trainingData/files'

/** How often an evaluation under way is asked for. */
const POLL_MS = 500
/** How many evaluations a page shows at first, and more at a time. */
const SHOWN = 20

export function isUnderWay(evaluation: Evaluation | undefined): boolean {
  return evaluation?.status === 'queued' || evaluation?.status === 'running'
}

/** The evaluations of an assistant, newest first; asked for again and again while one is under way. */
export function useEvaluations(id: string) {
  return useInfiniteQuery({
    queryKey: keys.evaluations(id),
    queryFn: ({ pageParam }) => {
      const params = { path: { id }, query: paged(SHOWN, pageParam) }
      return unwrap(api.GET('/api/v1/assistants/{id}/evaluations', { params }))
    },
    ...inPages,
    select: flat,
    refetchInterval: every(POLL_MS, data => data !== undefined && flat(data).some(isUnderWay)),
  })
}

/** An evaluation that has ended, with all that it found. */
export function useEvaluation(id: string) {
  return useQuery({
    queryKey: keys.evaluation(id),
    queryFn: () => unwrap(api.GET('/api/v1/evaluations/{id}', { params: { path: { id } } })),
    staleTime: Number.POSITIVE_INFINITY,
  })
}

export function useCrossValidate(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (folds: number) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/evaluations', {
          params: { path: { id } },
          body: { folds },
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.evaluations(id) }),
  })
}

export interface LabelledFile {
  file: TextFile
  /** The version that is asked; absent for the active one. */
  model: number | undefined
}

/** Has a file's utterances asked, sent as its author wrote it: line numbers must be the author's. */
export function useEvaluateFile(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ file, model }: LabelledFile) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/evaluations', {
          params: { path: { id }, query: model === undefined ? {} : { model } },
          headers: { 'Content-Type': file.mediaType },
          body: { examples: [] },
          bodySerializer: () => file.text,
        }),
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.evaluations(id) }),
  })
}
