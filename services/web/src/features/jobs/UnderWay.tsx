/** What runs and what waits for it, each with how far it is. */
import { Badge, Button, Group, Progress, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Job } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { notifyDone } from '../../components/notify'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFormat } from '../../i18n/format'
import { useCanEdit } from '../session/queries'
import { JobName, useJobText } from './JobName'
import { useCancelJob, useJobsUnderWay } from './queries'

export function UnderWay() {
  const { t } = useTranslation()
  const jobs = useJobsUnderWay()
  const cancel = useCancelJob()
  const canEdit = useCanEdit()
  const columns = [
    { label: t('jobs.job') },
    { label: t('jobs.state') },
    { label: t('jobs.progress') },
    { label: t('jobs.attempt'), ta: 'right' as const },
    { label: t('jobs.since') },
  ]
  return (
    <Panel id="under-way" title={t('jobs.underWay')}>
      {cancel.error && <ProblemAlert error={cancel.error} />}
      <Loaded query={jobs} skeleton={[90]}>
        {items =>
          items.length === 0 ? (
            <Text c="dimmed">{t('jobs.underWayEmpty')}</Text>
          ) : (
            <>
              <PanelTable
                caption={t('jobs.underWay')}
                minWidth={680}
                columns={canEdit ? [...columns, { label: t('jobs.action'), ta: 'right' }] : columns}
              >
                {items.map(job => (
                  <JobRow
                    key={job.id}
                    job={job}
                    loading={cancel.isPending && cancel.variables === job.id}
                    onCancel={
                      canEdit
                        ? () =>
                            cancel.mutate(job.id, {
                              onSuccess: () => {
                                focusPanel('under-way')
                                notifyDone(t('jobs.cancelDone'))
                              },
                            })
                        : undefined
                    }
                  />
                ))}
              </PanelTable>
              <More query={jobs} label={t('jobs.underWay')} />
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}

interface JobRowProps {
  job: Job
  loading: boolean
  /** Absent for who may not. */
  onCancel?: (() => void) | undefined
}

function JobRow({ job, loading, onCancel }: JobRowProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { name, short } = useJobText()(job)
  const isRunning = job.status === 'running'
  const status = job.cancel_requested ? 'cancelling' : job.status
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <JobName job={job} />
      </Table.Th>
      <Table.Td>
        <Badge
          variant="outline"
          color={isRunning ? 'terracotta' : 'gray'}
          radius="sm"
          miw="max-content"
          tt="none"
          fw={600}
        >
          {t(`jobs.status.${status}`)}
        </Badge>
      </Table.Td>
      <Table.Td>
        <Group wrap="nowrap" gap="xs">
          <Progress.Root size="lg" flex={1} miw={90} radius="xl" transitionDuration={300}>
            <Progress.Section
              value={job.progress * 100}
              animated={isRunning}
              color="aegean"
              aria-label={t('jobs.progressLabel', { name, short })}
            />
          </Progress.Root>
          <Text fz="sm" w={40} ta="right">
            {format.percent(job.progress)}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td ta="right">
        {t('jobs.attemptOf', { attempt: job.attempts, most: job.max_attempts })}
      </Table.Td>
      <Table.Td>
        <Ago at={job.started_at ?? job.enqueued_at} />
      </Table.Td>
      {onCancel && (
        <Table.Td ta="right">
          <Button
            size="compact-sm"
            variant="default"
            loading={loading}
            disabled={job.cancel_requested}
            aria-label={t('jobs.cancelLabel', { name, short })}
            onClick={onCancel}
          >
            {t('jobs.cancel')}
          </Button>
        </Table.Td>
      )}
    </Table.Tr>
  )
}
