/** Jobs, queues and schedules on the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import type { CreateSchedule, Job, Schedule } from '../../api/types'

/** How often the page asks how things are. */
const POLL_MS = 2_000
/** How many jobs of a kind a table shows. */
const SHOWN = 20

const UNDER_WAY = ['running', 'retrying', 'queued'] as const

export function useQueues() {
  return useQuery({
    queryKey: keys.queues,
    queryFn: () => unwrap(api.GET('/api/v1/queues')),
    refetchInterval: POLL_MS,
  })
}

async function jobsThatAre(status: Job['status']): Promise<Job[]> {
  const params = { query: { status, limit: SHOWN } }
  const page = await unwrap(api.GET('/api/v1/jobs', { params }))
  return page.items
}

/** What runs, and what waits for its turn or its next attempt. */
export function useJobsUnderWay() {
  return useQuery({
    queryKey: keys.jobsUnderWay,
    queryFn: async () => (await Promise.all(UNDER_WAY.map(jobsThatAre))).flat(),
    refetchInterval: POLL_MS,
  })
}

/** What has failed for good, the newest first. */
export function useFailedJobs() {
  return useQuery({
    queryKey: keys.jobsFailed,
    queryFn: () => jobsThatAre('failed'),
    refetchInterval: POLL_MS,
  })
}

/** Whatever is done to a job changes more than one table. */
function useRefreshJobs() {
  const client = useQueryClient()
  return () =>
    Promise.all([keys.jobs, keys.queues].map(queryKey => client.invalidateQueries({ queryKey })))
}

export function useRetryJob() {
  const refresh = useRefreshJobs()
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.POST('/api/v1/jobs/{id}/retry', { params: { path: { id } } })),
    onSettled: refresh,
  })
}

/** Lets all failed jobs start anew; the server takes a hundred at a time. */
export function useRetryAllJobs() {
  const refresh = useRefreshJobs()
  return useMutation({
    mutationFn: async () => {
      let retried = 0
      let skipped = 0
      let cursor: string | null | undefined
      do {
        const body = cursor ? { cursor } : {}
        const answer = await unwrap(api.POST('/api/v1/jobs/retry', { body }))
        retried += answer.retried
        skipped += answer.skipped.length
        cursor = answer.next_cursor
      } while (cursor)
      return { retried, skipped }
    },
    onSettled: refresh,
  })
}

export function useCancelJob() {
  const refresh = useRefreshJobs()
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.POST('/api/v1/jobs/{id}/cancel', { params: { path: { id } } })),
    onSettled: refresh,
  })
}

export function usePauseQueue() {
  const refresh = useRefreshJobs()
  return useMutation({
    mutationFn: ({ queue, pause }: { queue: string; pause: boolean }) => {
      const params = { params: { path: { queue } } }
      return unwrap(
        pause
          ? api.POST('/api/v1/queues/{queue}/pause', params)
          : api.POST('/api/v1/queues/{queue}/resume', params),
      )
    },
    onSettled: refresh,
  })
}

export function useSchedules() {
  return useQuery({
    queryKey: keys.schedules,
    queryFn: async () => (await unwrap(api.GET('/api/v1/schedules'))).items,
    refetchInterval: 5 * POLL_MS,
  })
}

export function useCreateSchedule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: CreateSchedule) => unwrap(api.POST('/api/v1/schedules', { body })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.schedules }),
  })
}

export function useEnableSchedule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ name, enabled }: Pick<Schedule, 'name' | 'enabled'>) => {
      const params = { path: { name } }
      return unwrap(api.PATCH('/api/v1/schedules/{name}', { params, body: { enabled } }))
    },
    onSettled: () => client.invalidateQueries({ queryKey: keys.schedules }),
  })
}

export function useDeleteSchedule() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (name: string) =>
      unwrap(api.DELETE('/api/v1/schedules/{name}', { params: { path: { name } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.schedules }),
  })
}
