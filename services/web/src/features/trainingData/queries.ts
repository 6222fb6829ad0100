/** Training data on the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { asProblem } from '../../api/problem'
import type { TrainingData, TrainingDataSummary } from '../../api/types'
import type { TextFile } from './files'

const EMPTY: TrainingData = { examples: [] }

/** The data of an assistant; before the first upload there are no examples. */
export function useTrainingData(id: string) {
  return useQuery({
    queryKey: keys.trainingData(id),
    queryFn: async () => {
      const call = api.GET('/api/v1/assistants/{id}/training-data', {
        params: { path: { id } },
        headers: { Accept: 'application/json' },
      })
      try {
        return (await unwrap(call)) as TrainingData
      } catch (error) {
        if (asProblem(error).code === 'not_found') return EMPTY
        throw error
      }
    },
  })
}

/** Replaces the data by a file, sent as its author wrote it: line numbers must be the author's. */
export function useUploadTrainingData(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (file: TextFile) => {
      const call = api.PUT('/api/v1/assistants/{id}/training-data', {
        params: { path: { id } },
        headers: { 'Content-Type': file.mediaType },
        body: EMPTY,
        bodySerializer: () => file.text,
      })
      return (await unwrap(call)) as TrainingDataSummary
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.trainingData(id) }),
  })
}
