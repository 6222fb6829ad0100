/** Training data on the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { asProblem } from '../../api/problem'
import type { TrainingData, TrainingDataSummary } from '../../api/types'
import type { Applied } from './changes'
import type { TextFile } from './files'

/** Operations that the server takes at a time. */
const OPERATIONS = 1_000
const EMPTY: TrainingData = { examples: [] }

/** Training data, and the tag of its revision; without one there is none yet. */
export interface StoredData {
  data: TrainingData
  tag?: string | undefined
}

async function fetchStored(id: string): Promise<StoredData> {
  const call = api.GET('/api/v1/assistants/{id}/training-data', {
    params: { path: { id } },
    headers: { Accept: 'application/json' },
  })
  try {
    const data = (await unwrap(call)) as TrainingData
    return { data, tag: (await call).response.headers.get('etag') ?? undefined }
  } catch (error) {
    if (asProblem(error).code === 'not_found') return { data: EMPTY }
    throw error
  }
}

const stored = (id: string) => ({
  queryKey: keys.trainingData(id),
  queryFn: () => fetchStored(id),
})

/** The data of an assistant with its revision, for who will change it. */
export function useStoredData(id: string) {
  return useQuery(stored(id))
}

/** The data of an assistant; before the first upload there are no examples. */
export function useTrainingData(id: string) {
  return useQuery({ ...stored(id), select: ({ data }: StoredData) => data })
}

/** Data that was edited, and the tag of the revision of which it was made. */
type Edited = StoredData & Pick<Applied, 'operations'>

/** Sends what is other than before: the data may be large. The first of an assistant goes as a whole. */
function send(id: string, { data, operations, tag }: Edited) {
  const path = { id }
  if (tag && operations.length <= OPERATIONS) {
    return api.PATCH('/api/v1/assistants/{id}/training-data', {
      params: { path, header: { 'If-Match': tag } },
      headers: { 'Content-Type': 'application/json-patch+json' },
      body: operations,
    })
  }
  return api.PUT('/api/v1/assistants/{id}/training-data', {
    params: { path, header: tag ? { 'If-Match': tag } : {} },
    headers: { 'Content-Type': 'application/json' },
    body: data,
  })
}

/** Stores edited data, unless somebody else has stored some since it was read. */
export function useSaveTrainingData(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (edited: Edited) => {
      const call = send(id, edited)
      const summary = (await unwrap(call)) as TrainingDataSummary
      return { summary, tag: (await call).response.headers.get('etag') ?? undefined }
    },
    onSuccess: ({ tag }, { data }) => {
      client.setQueryData<StoredData>(keys.trainingData(id), { data, tag })
      return client.invalidateQueries({ queryKey: keys.revisions(id) })
    },
  })
}

/** Whether somebody else has stored data since it was read. */
export function isOutdated(error: unknown): boolean {
  return error !== null && asProblem(error).problem?.status === 412
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
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.trainingData(id) }),
        client.invalidateQueries({ queryKey: keys.revisions(id) }),
      ]),
  })
}
