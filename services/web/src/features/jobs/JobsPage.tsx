/** What the platform works on for this account: queues, jobs, failures, schedules. It keeps itself up to date. */
import { Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '../../components/PageHeader'
import { Failures } from './Failures'
import { Queues } from './Queues'
import { useQueues } from './queries'
import { Schedules } from './Schedules'
import { UnderWay } from './UnderWay'

export default function JobsPage() {
  const { t } = useTranslation()
  return (
    <>
      <PageHeader title={t('jobs.title')} intro={t('jobs.intro')}>
        <Summary />
      </PageHeader>
      <Stack gap="xl">
        <Queues />
        <UnderWay />
        <Failures />
        <Schedules />
      </Stack>
    </>
  )
}

/** All in a sentence; it is read out when it becomes another one. */
function Summary() {
  const { t } = useTranslation()
  const queues = useQueues()
  const sum = { running: 0, queued: 0, failed: 0 }
  for (const { jobs } of queues.data?.items ?? []) {
    sum.running += jobs.running
    sum.queued += jobs.queued + jobs.scheduled
    sum.failed += jobs.failed
  }
  return (
    <Text fz="sm" c="dimmed" role="status" mih="1lh">
      {queues.data && t('jobs.summary', sum)}
    </Text>
  )
}
