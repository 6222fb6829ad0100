/** Imports and exports: files of training data that a job takes in or writes. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { every } from '../../api/polling'
import type { TrainingDataExport, TrainingDataImport } from '../../api/types'
import type { TextFile } from './files'

/** How often one under way is asked for. */
const POLL_MS = 500

export type ImportMode = TrainingDataImport['mode']
export type DataFormat = TrainingDataExport['format']

export function isUnderWay(
  transfer: Pick<TrainingDataImport, 'status'> | null | undefined,
): boolean {
  return transfer?.status === 'queued' || transfer?.status === 'running'
}

/** The latest import of an assistant; asked for again and again while it is under way. */
export function useLatestImport(id: string) {
  const client = useQueryClient()
  return useQuery({
    queryKey: keys.imports(id),
    queryFn: async () => {
      const before = client.getQueryData<TrainingDataImport | null>(keys.imports(id))
      const query = { assistant_id: id, limit: 1 }
      const page = await unwrap(api.GET('/api/v1/imports', { params: { query } }))
      const latest = page.items[0] ?? null
      if (isUnderWay(before) && !isUnderWay(latest)) {
        void client.invalidateQueries({ queryKey: keys.trainingData(id) })
      }
      return latest
    },
    refetchInterval: every(POLL_MS, isUnderWay),
  })
}

export interface FileToImport {
  file: TextFile
  mode: ImportMode
}

/** Hands a file over, sent as its author wrote it: line numbers must be the author's. */
export function useImportFile(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ file, mode }: FileToImport) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/imports', {
          params: { path: { id }, query: { mode } },
          headers: { 'Content-Type': file.mediaType },
          body: { examples: [] },
          bodySerializer: () => file.text,
        }),
      ),
    onSuccess: started => client.setQueryData(keys.imports(id), started),
  })
}

/** Ends an import that is under way: its job has its id. */
export function useCancelImport(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (job: string) =>
      unwrap(api.POST('/api/v1/jobs/{id}/cancel', { params: { path: { id: job } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.imports(id) }),
  })
}

export function useStartExport(id: string) {
  return useMutation({
    mutationFn: (format: DataFormat) =>
      unwrap(
        api.POST('/api/v1/assistants/{id}/exports', { params: { path: { id } }, body: { format } }),
      ),
  })
}

/** An export as it goes on. */
export function useExport(started: TrainingDataExport | undefined) {
  return useQuery({
    queryKey: keys.export(started?.id ?? ''),
    queryFn: () =>
      unwrap(api.GET('/api/v1/exports/{id}', { params: { path: { id: started?.id ?? '' } } })),
    enabled: started !== undefined,
    refetchInterval: every(POLL_MS, isUnderWay),
  })
}

/** Lets the browser save the file of an export. */
export function useDownload() {
  return useMutation({
    mutationFn: async ({ id, version, format }: TrainingDataExport) => {
      const call = api.GET('/api/v1/exports/{id}/content', {
        params: { path: { id } },
        parseAs: 'blob',
      })
      const url = URL.createObjectURL((await unwrap(call)) as Blob)
      const link = document.createElement('a')
      link.href = url
      link.download = `training-data-${version}.${format}`
      link.click()
      URL.revokeObjectURL(url)
    },
  })
}
