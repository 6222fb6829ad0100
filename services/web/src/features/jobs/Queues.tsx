/** The queues: how deep, how old, how quick, and whether they run. */
import { Badge, Button, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Queue } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { Panel, PanelTable } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFormat } from '../../i18n/format'
import { usePauseQueue, useQueues } from './queries'

export function Queues() {
  const { t } = useTranslation()
  const queues = useQueues()
  const pause = usePauseQueue()
  const columns = [
    { label: t('jobs.queue') },
    { label: t('jobs.state') },
    { label: t('jobs.waiting'), ta: 'right' as const },
    { label: t('jobs.running'), ta: 'right' as const },
    { label: t('jobs.failed'), ta: 'right' as const },
    { label: t('jobs.oldest'), ta: 'right' as const },
    { label: t('jobs.throughput'), ta: 'right' as const },
  ]
  return (
    <Panel id="queues" title={t('jobs.queues')}>
      {pause.error && <ProblemAlert error={pause.error} />}
      <Loaded query={queues} skeleton={[120]}>
        {({ items, scope }) => (
          <>
            <Text fz="sm" c="dimmed" mb="xs">
              {t(`jobs.scope.${scope}`)}
            </Text>
            {items.length === 0 ? (
              <Text c="dimmed">{t('jobs.queuesEmpty')}</Text>
            ) : (
              <PanelTable
                caption={t('jobs.queues')}
                minWidth={720}
                columns={
                  scope === 'platform'
                    ? [...columns, { label: t('jobs.action'), ta: 'right' }]
                    : columns
                }
              >
                {items.map(queue => (
                  <QueueRow
                    key={queue.name}
                    queue={queue}
                    loading={pause.isPending && pause.variables.queue === queue.name}
                    onPause={
                      scope === 'platform'
                        ? wanted =>
                            pause.mutate(
                              { queue: queue.name, pause: wanted },
                              {
                                onSuccess: () =>
                                  notifyDone(
                                    t(wanted ? 'jobs.pausedDone' : 'jobs.resumedDone', {
                                      queue: queue.name,
                                    }),
                                  ),
                              },
                            )
                        : undefined
                    }
                  />
                ))}
              </PanelTable>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  )
}

interface QueueRowProps {
  queue: Queue
  loading: boolean
  /** Absent for who may not. */
  onPause?: ((pause: boolean) => void) | undefined
}

function QueueRow({ queue, loading, onPause }: QueueRowProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { name, jobs, last_minute: ended, paused_at: pausedAt } = queue
  const isPaused = pausedAt != null
  return (
    <Table.Tr>
      <Table.Th scope="row">{name}</Table.Th>
      <Table.Td>
        <Badge
          variant="outline"
          color={isPaused ? 'terracotta' : 'aegean'}
          radius="sm"
          miw="max-content"
          tt="none"
          fw={600}
        >
          {t(isPaused ? 'jobs.paused' : 'jobs.active')}
        </Badge>
      </Table.Td>
      <Table.Td ta="right">{format.number(jobs.queued + jobs.scheduled)}</Table.Td>
      <Table.Td ta="right">{format.number(jobs.running)}</Table.Td>
      <Table.Td ta="right">{format.number(jobs.failed)}</Table.Td>
      <Table.Td ta="right">
        {queue.oldest_waits_since ? <Ago at={queue.oldest_waits_since} /> : t('jobs.none')}
      </Table.Td>
      <Table.Td ta="right">
        {t('jobs.perMinute', { count: ended.succeeded + ended.failed + ended.cancelled })}
      </Table.Td>
      {onPause && (
        <Table.Td ta="right">
          <Button
            size="compact-sm"
            variant="default"
            loading={loading}
            aria-label={t(isPaused ? 'jobs.resumeLabel' : 'jobs.pauseLabel', { queue: name })}
            onClick={() => onPause(!isPaused)}
          >
            {t(isPaused ? 'jobs.resume' : 'jobs.pause')}
          </Button>
        </Table.Td>
      )}
    </Table.Tr>
  )
}
