/** Jobs, queues and schedules on the server. */
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { flat, inPages, paged } from '../../api/pages'
import { every } from '../../api/polling'
import type { CreateSchedule, Job, Schedule } from '../../api/types'

/** How often the page asks how things are. */
const POLL_MS = 2_000
/** How many jobs of a status a table shows at first, and more at a time. */
const SHOWN = 20

const UNDER_WAY = ['running', 'retrying', 'queued'] as const
/** Where the page of each status begins; what is absent has ended. */
type Cursors = Partial<Record<(typeof UNDER_WAY)[number], string>>
const BEGINNING: Cursors = { running: '', retrying: '', queued: '' }

export function useQueues() {
  return useQuery({
    queryKey: keys.queues,
    queryFn: () => unwrap(api.GET('/api/v1/queues')),
    refetchInterval: every(POLL_MS),
  })
}

function jobsThatAre(status: Job['status'], cursor: string) {
  const params = { query: { status, ...paged(SHOWN, cursor) } }
  return unwrap(api.GET('/api/v1/jobs', { params }))
}

/** What runs, and what waits for its turn or its next attempt. */
export function useJobsUnderWay() {
  return useInfiniteQuery({
    queryKey: keys.jobsUnderWay,
    queryFn: ({ pageParam }) => {
      const left = UNDER_WAY.filter(status => pageParam[status] !== undefined)
      const ask = async (status: (typeof UNDER_WAY)[number]) => {
        const page = await jobsThatAre(status, pageParam[status] ?? '')
        return { status, ...page }
      }
      return Promise.all(left.map(ask))
    },
    initialPageParam: BEGINNING,
    getNextPageParam: pages => {
      const next = pages.flatMap(({ status, next_cursor }) =>
        next_cursor ? [[status, next_cursor]] : [],
      )
      return next.length > 0 ? (Object.fromEntries(next) as Cursors) : undefined
    },
    select: ({ pages }) =>
      UNDER_WAY.flatMap(wanted =>
        pages.flat().flatMap(({ status, items }) => (status === wanted ? items : [])),
      ),
    refetchInterval: every(POLL_MS),
  })
}

/** What has failed for good, the newest first. */
export function useFailedJobs() {
  return useInfiniteQuery({
    queryKey: keys.jobsFailed,
    queryFn: ({ pageParam }) => jobsThatAre('failed', pageParam),
    ...inPages,
    select: flat,
    refetchInterval: every(POLL_MS),
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
    refetchInterval: every(5 * POLL_MS),
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
