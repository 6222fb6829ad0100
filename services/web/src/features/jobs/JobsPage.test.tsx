import { screen, waitFor, within } from '@testing-library/react'
import { expect, test } from 'vitest'
import { axe } from 'vitest-axe'
import type { Job, Queue, Schedule } from '../../api/types'
import { ASSISTANT, asRole, ROUTES, renderApp } from '../../testing/renderApp'
import { gate, json, page, pages, problem, serve } from '../../testing/server'

const ID = '0190a000-0000-7000-8000-00000000f001'
const JOB: Job = {
  id: ID,
  queue: 'trainings',
  kind: 'train',
  status: 'running',
  progress: 0.4,
  attempts: 1,
  max_attempts: 16,
  cancel_requested: false,
  error: null,
  result: null,
  trace_id: null,
  schedule: 'nightly',
  enqueued_at: '2026-01-01T10:00:00Z',
  started_at: '2026-01-01T10:00:01Z',
  finished_at: null,
}
const FAILED: Job = {
  ...JOB,
  id: '0190a000-0000-7000-8000-00000000f002',
  status: 'failed',
  error: 'The disk is full.',
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  schedule: null,
  finished_at: '2026-01-01T10:00:05Z',
}
const QUEUE: Queue = {
  name: 'trainings',
  paused_at: null,
  limits: { max_running: null, rate: null },
  jobs: { scheduled: 0, queued: 3, running: 1, failed: 2 },
  oldest_waits_since: '2026-01-01T10:00:00Z',
  last_minute: { succeeded: 7, failed: 1, cancelled: 0 },
}
const SCHEDULE: Schedule = {
  name: 'nightly',
  cron: '30 3 * * *',
  time_zone: 'Europe/Athens',
  missed: 'once',
  enabled: true,
  job: { kind: 'retrain', assistant_id: ASSISTANT.id, activate: true },
  upcoming: ['2026-01-02T01:30:00Z'],
  last_at: null,
}

const byStatus = (jobs: Partial<Record<Job['status'], Job[]>>) => (request: Request) => {
  const status = new URL(request.url).searchParams.get('status') as Job['status']
  return page(...(jobs[status] ?? []))
}

const PAGE = {
  ...ROUTES,
  'GET /api/v1/queues': () => json({ scope: 'platform', items: [QUEUE] }),
  'GET /api/v1/jobs': byStatus({ running: [JOB], failed: [FAILED] }),
  'GET /api/v1/schedules': () => page(SCHEDULE),
}

const EMPTY = {
  ...ROUTES,
  'GET /api/v1/queues': () => json({ scope: 'account', items: [] }),
  'GET /api/v1/jobs': () => page(),
  'GET /api/v1/schedules': () => page(),
}

test('the page shows how the queues are, what runs, what failed and what is to come', async () => {
  serve(PAGE)
  const { container } = renderApp('/jobs')
  expect(await screen.findByText('1 running, 3 waiting, 2 failed')).toBeVisible()
  const queues = await screen.findByRole('table', { name: 'Queues' })
  expect(within(queues).getByRole('row', { name: /trainings Runs 3 1 2/ })).toHaveTextContent(
    '8 ended',
  )
  const bar = await screen.findByRole('progressbar', { name: /Progress of Training/ })
  expect(bar).toHaveAttribute('aria-valuenow', '40')
  const failures = await screen.findByRole('table', { name: 'Failures' })
  expect(failures).toHaveTextContent('The disk is full.')
  expect(failures).toHaveTextContent('4bf92f3577b34da6a3ce929d0e0e4736')
  const schedules = await screen.findByRole('table', { name: 'Schedules' })
  await waitFor(() => expect(schedules).toHaveTextContent('trains Customer care'))
  expect(await axe(container)).toHaveNoViolations()
})

test('what is known stays in sight when it can be asked for no longer, and that is said', async () => {
  let isUp = true
  const queues = () => json({ scope: 'platform', items: [QUEUE] })
  serve({ ...PAGE, 'GET /api/v1/queues': () => (isUp ? queues() : problem(500, 'internal')) })
  const { user } = renderApp('/jobs')
  const table = await screen.findByRole('table', { name: 'Queues' })
  isUp = false
  const alert = await screen.findByRole('alert')
  expect(table).toBeVisible()
  isUp = true
  await user.click(within(alert).getByRole('button', { name: 'Try again' }))
  await waitFor(() => expect(screen.queryByRole('alert')).toBeNull())
})

test('a failed job is retried, and what stands in the way is said', async () => {
  let isBusy = true
  const retry = `/api/v1/jobs/${FAILED.id}/retry`
  const requests = serve({
    ...PAGE,
    [`POST ${retry}`]: () =>
      isBusy
        ? problem(409, 'conflict', { detail: 'A training of this assistant is running.' })
        : json({ ...FAILED, status: 'queued', error: null, history: [] }),
  })
  const { user } = renderApp('/jobs')
  const button = { name: 'Retry Training 0000f002' }
  await user.click(await screen.findByRole('button', button))
  expect(await screen.findByRole('alert')).toHaveTextContent('is running')
  isBusy = false
  await user.click(screen.getByRole('button', button))
  expect(await screen.findByText('The job starts anew.')).toBeVisible()
  expect(requests.filter(({ url }) => url.endsWith(retry))).toHaveLength(2)
})

test('all failed jobs are retried, a hundred at a time', async () => {
  const answers = [
    { retried: 99, skipped: [{ id: ID, reason: 'It is gone.' }], next_cursor: 'more' },
    { retried: 5, skipped: [], next_cursor: null },
  ]
  const bodies: unknown[] = []
  serve({
    ...PAGE,
    'GET /api/v1/jobs': byStatus({ failed: [FAILED, { ...FAILED, id: ID }] }),
    'POST /api/v1/jobs/retry': async request => {
      bodies.push(await request.json())
      return json(answers.shift())
    },
  })
  const { user } = renderApp('/jobs')
  await user.click(await screen.findByRole('button', { name: 'Retry all' }))
  expect(await screen.findByText('104 start anew, 1 stay as they are.')).toBeVisible()
  expect(bodies).toEqual([{}, { cursor: 'more' }])
})

test('jobs of which there are many come page by page', async () => {
  const number = (job: Job, end: string) => ({ ...job, id: `${ID.slice(0, -8)}0000${end}` })
  const byStatus: Partial<Record<Job['status'], ReturnType<typeof pages>>> = {
    running: pages([number(JOB, 'a001')], [number(JOB, 'a002')]),
    queued: pages([number({ ...JOB, status: 'queued' }, 'b001')]),
    failed: pages([number(FAILED, 'c001')], [number(FAILED, 'c002')]),
  }
  serve({
    ...PAGE,
    'GET /api/v1/jobs': request => {
      const status = new URL(request.url).searchParams.get('status') as Job['status']
      return byStatus[status]?.(request) ?? page()
    },
  })
  const { user } = renderApp('/jobs')
  const shorts = (name: string) =>
    within(screen.getByRole('table', { name }))
      .getAllByRole('rowheader')
      .map(({ textContent }) => textContent?.match(/0000[abc]00[12]/)?.[0])
  await user.click(await screen.findByRole('button', { name: 'Show more: Under way' }))
  await waitFor(() => expect(shorts('Under way')).toEqual(['0000a001', '0000a002', '0000b001']))
  expect(screen.queryByRole('button', { name: 'Show more: Under way' })).toBeNull()
  await user.click(screen.getByRole('button', { name: 'Show more: Failures' }))
  await waitFor(() => expect(shorts('Failures')).toEqual(['0000c001', '0000c002']))
})

test('a schedule may train any assistant, however many there are, and names it', async () => {
  const other = { ...ASSISTANT, id: '0190a000-0000-7000-8000-000000000002', name: 'Old hand' }
  const schedule = { ...SCHEDULE, job: { ...SCHEDULE.job, assistant_id: other.id } }
  serve({
    ...PAGE,
    'GET /api/v1/assistants': pages([ASSISTANT], [other]),
    'GET /api/v1/schedules': () => page(schedule),
  })
  const { user } = renderApp('/jobs')
  expect(await screen.findByText('trains Old hand')).toBeVisible()
  await user.click(screen.getByRole('button', { name: 'New schedule' }))
  const choice = await screen.findByLabelText('Assistant that is trained')
  expect(within(choice).getByRole('option', { name: 'Old hand' })).toBeInTheDocument()
})

test('the next time of a schedule is that of its own clock', async () => {
  const schedule = { ...SCHEDULE, time_zone: 'Asia/Tokyo', upcoming: ['2026-01-02T18:30:00Z'] }
  serve({ ...PAGE, 'GET /api/v1/schedules': () => page(schedule) })
  renderApp('/jobs')
  const cell = await screen.findByRole('cell', { name: /Jan 3, 2026/ })
  expect(cell).toHaveTextContent(/3:30.AM.*Asia\/Tokyo/)
})

test('a running job is cancelled and its button waits for the end', async () => {
  let job = JOB
  serve({
    ...PAGE,
    'GET /api/v1/jobs': request => byStatus({ running: [job] })(request),
    [`POST /api/v1/jobs/${ID}/cancel`]: () => {
      job = { ...JOB, cancel_requested: true }
      return json({ ...job, history: [] })
    },
  })
  const { user } = renderApp('/jobs')
  const name = 'Cancel Training 0000f001'
  await user.click(await screen.findByRole('button', { name }))
  await waitFor(() => expect(screen.getByRole('button', { name })).toBeDisabled())
  expect(screen.getByText('Ending')).toBeVisible()
})

test('an operator pauses and resumes a queue', async () => {
  let pausedAt: string | null = null
  const answer = (at: string | null) => () => {
    pausedAt = at
    return json({ ...QUEUE, paused_at: at })
  }
  serve({
    ...PAGE,
    'GET /api/v1/queues': () =>
      json({ scope: 'platform', items: [{ ...QUEUE, paused_at: pausedAt }] }),
    'POST /api/v1/queues/trainings/pause': answer('2026-01-01T10:00:00Z'),
    'POST /api/v1/queues/trainings/resume': answer(null),
  })
  const { user } = renderApp('/jobs')
  await user.click(await screen.findByRole('button', { name: 'Pause the queue trainings' }))
  await user.click(await screen.findByRole('button', { name: 'Resume the queue trainings' }))
  expect(await screen.findByRole('button', { name: 'Pause the queue trainings' })).toBeVisible()
})

test('who may not change anything is offered nothing', async () => {
  serve({
    ...PAGE,
    ...asRole('viewer'),
    'GET /api/v1/queues': () => json({ scope: 'account', items: [QUEUE] }),
  })
  renderApp('/jobs')
  expect(await screen.findByText('The disk is full.')).toBeVisible()
  expect(await screen.findByRole('switch', { name: 'The schedule nightly is on' })).toBeDisabled()
  expect(
    screen.queryByRole('button', { name: /Pause|Retry|Cancel|Delete|New schedule/ }),
  ).toBeNull()
})

test('a schedule is switched off and deleted', async () => {
  let schedules = [SCHEDULE]
  const requests = serve({
    ...PAGE,
    'GET /api/v1/schedules': () => page(...schedules),
    'PATCH /api/v1/schedules/nightly': () => {
      const off = { ...SCHEDULE, enabled: false, upcoming: [] }
      schedules = [off]
      return json(off)
    },
    'DELETE /api/v1/schedules/nightly': () => {
      schedules = []
      return new Response(null, { status: 204 })
    },
  })
  const { user } = renderApp('/jobs')
  const name = 'The schedule nightly is on'
  await user.click(await screen.findByRole('switch', { name }))
  await waitFor(() => expect(screen.getByRole('switch', { name })).not.toBeChecked())
  const changed = requests.find(({ method }) => method === 'PATCH')
  expect(await changed?.json()).toEqual({ enabled: false })
  await user.click(screen.getByRole('button', { name: 'Delete the schedule nightly' }))
  expect(await screen.findByText('Nothing starts by the clock yet.')).toBeVisible()
  // The button that had the focus is gone.
  expect(screen.getByRole('heading', { name: 'Schedules' })).toHaveFocus()
})

/** Asks to delete a schedule, which is done when `open` is called. */
async function deleteSlowly() {
  const { opened, open } = gate()
  const remove = async () => {
    await opened
    return new Response(null, { status: 204 })
  }
  serve({ ...PAGE, 'DELETE /api/v1/schedules/nightly': remove })
  const { user } = renderApp('/jobs')
  await user.click(await screen.findByRole('button', { name: 'Delete the schedule nightly' }))
  return { user, open }
}

test('who has moved on meanwhile is left where they are', async () => {
  const { user, open } = await deleteSlowly()
  const language = screen.getByRole('combobox', { name: 'Language' })
  await user.click(language)
  open()
  expect(await screen.findByText('The schedule nightly is deleted.')).toBeVisible()
  expect(language).toHaveFocus()
})

test('who types in a dialog meanwhile is left there', async () => {
  const { user, open } = await deleteSlowly()
  await user.click(screen.getByRole('button', { name: 'New schedule' }))
  const name = await screen.findByRole('textbox', { name: 'Name' })
  await user.type(name, 'weekly')
  open()
  expect(await screen.findByText('The schedule nightly is deleted.')).toBeVisible()
  expect(name).toHaveFocus()
})

test('a schedule is made, and its mistakes are named', async () => {
  let isWrong = true
  const errors = [
    { pointer: '/cron', message: 'starts something more often than every 15 minutes' },
  ]
  const requests = serve({
    ...EMPTY,
    'POST /api/v1/schedules': () =>
      isWrong ? problem(422, 'invalid', { errors }) : json(SCHEDULE, 201),
  })
  const { user } = renderApp('/jobs')
  await user.click(await screen.findByRole('button', { name: 'New schedule' }))
  await user.click(await screen.findByRole('button', { name: 'Create schedule' }))
  expect(await screen.findByText('Give the schedule a name.')).toBeVisible()
  await user.type(screen.getByLabelText('Name'), 'nightly')
  await user.selectOptions(screen.getByLabelText('Assistant that is trained'), 'Customer care')
  // The header of a dialog is no banner, but jsdom shows that of the page beside it.
  const form = screen.getByLabelText('Name').closest('form') as HTMLFormElement
  expect(await axe(form)).toHaveNoViolations()
  await user.click(screen.getByRole('button', { name: 'Create schedule' }))
  expect(await screen.findByText(/more often than every 15 minutes/)).toBeVisible()
  isWrong = false
  await user.click(screen.getByRole('button', { name: 'Create schedule' }))
  expect(await screen.findByText('The schedule nightly is on.')).toBeVisible()
  const made = requests.filter(({ method }) => method === 'POST').at(-1)
  expect(await made?.json()).toMatchObject({
    name: 'nightly',
    cron: '30 3 * * *',
    job: { kind: 'retrain', assistant_id: ASSISTANT.id, activate: true },
  })
})

test('assistants that cannot be chosen from are not missing without a word', async () => {
  serve({ ...EMPTY, 'GET /api/v1/assistants': () => problem(500, 'internal') })
  const { user } = renderApp('/jobs')
  await user.click(await screen.findByRole('button', { name: 'New schedule' }))
  const dialog = await screen.findByRole('dialog')
  expect(await within(dialog).findByRole('button', { name: 'Try again' })).toBeVisible()
})

test('a page without anything says so', async () => {
  serve(EMPTY)
  const { container } = renderApp('/jobs')
  expect(await screen.findByText('Nothing has failed.')).toBeVisible()
  expect(await screen.findByText('Nothing starts by the clock yet.')).toBeVisible()
  expect(await axe(container)).toHaveNoViolations()
})
