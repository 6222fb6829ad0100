/** What has failed for good: why, in which trace, and the way to start it anew. */
import { Button, Code, Group, Table, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Job } from '../../api/types'
import { Ago } from '../../components/Ago'
import { CopyText } from '../../components/CopyText'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { notifyDone } from '../../components/notify'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCanEdit } from '../session/queries'
import { JobName, useJobText } from './JobName'
import { useFailedJobs, useRetryAllJobs, useRetryJob } from './queries'

export function Failures() {
  const { t } = useTranslation()
  const jobs = useFailedJobs()
  const retry = useRetryJob()
  const all = useRetryAllJobs()
  const canEdit = useCanEdit()
  const columns = [{ label: t('jobs.job') }, { label: t('jobs.error') }, { label: t('jobs.ended') }]
  const retryAll = canEdit && jobs.data !== undefined && jobs.data.length > 1 && (
    <Button
      variant="default"
      loading={all.isPending}
      onClick={() =>
        all.mutate(undefined, {
          onSuccess: done => {
            focusPanel('failures')
            notifyDone(t('jobs.retryAllDone', done))
          },
        })
      }
    >
      {t('jobs.retryAll')}
    </Button>
  )
  return (
    <Panel id="failures" title={t('jobs.failures')} actions={retryAll}>
      {(retry.error ?? all.error) && <ProblemAlert error={retry.error ?? all.error} />}
      <Loaded query={jobs} skeleton={[90]}>
        {items =>
          items.length === 0 ? (
            <Text c="dimmed">{t('jobs.failuresEmpty')}</Text>
          ) : (
            <>
              <PanelTable
                caption={t('jobs.failures')}
                minWidth={680}
                columns={canEdit ? [...columns, { label: t('jobs.action'), ta: 'right' }] : columns}
              >
                {items.map(job => (
                  <FailureRow
                    key={job.id}
                    job={job}
                    loading={retry.isPending && retry.variables === job.id}
                    onRetry={
                      canEdit
                        ? () =>
                            retry.mutate(job.id, {
                              onSuccess: () => {
                                focusPanel('failures')
                                notifyDone(t('jobs.retryDone'))
                              },
                            })
                        : undefined
                    }
                  />
                ))}
              </PanelTable>
              <More query={jobs} label={t('jobs.failures')} />
            </>
          )
        }
      </Loaded>
    </Panel>
  )
}

interface FailureRowProps {
  job: Job
  loading: boolean
  /** Absent for who may not. */
  onRetry?: (() => void) | undefined
}

function FailureRow({ job, loading, onRetry }: FailureRowProps) {
  const { t } = useTranslation()
  const { name, short } = useJobText()(job)
  return (
    <Table.Tr>
      <Table.Th scope="row">
        <JobName job={job} />
      </Table.Th>
      <Table.Td>
        <Text fz="sm" style={{ overflowWrap: 'anywhere' }}>
          {job.error ?? t('jobs.noError')}
        </Text>
        <Text fz="xs" c="dimmed">
          {t('jobs.attemptsMade', { count: job.attempts })}
        </Text>
        {job.trace_id && <Trace id={job.trace_id} />}
      </Table.Td>
      <Table.Td>
        <Ago at={job.finished_at ?? job.enqueued_at} />
      </Table.Td>
      {onRetry && (
        <Table.Td ta="right">
          <Button
            size="compact-sm"
            variant="default"
            loading={loading}
            aria-label={t('jobs.retryLabel', { name, short })}
            onClick={onRetry}
          >
            {t('jobs.retry')}
          </Button>
        </Table.Td>
      )}
    </Table.Tr>
  )
}

/** The trace by which an operator finds the whole story. */
function Trace({ id }: { id: string }) {
  const { t } = useTranslation()
  return (
    <Group gap="xs" mt={4}>
      <Code style={{ overflowWrap: 'anywhere' }}>{id}</Code>
      <CopyText
        value={id}
        size="compact-xs"
        variant="subtle"
        aria-label={t('jobs.copyTrace', { id })}
      >
        {t('jobs.copy')}
      </CopyText>
    </Group>
  )
}
