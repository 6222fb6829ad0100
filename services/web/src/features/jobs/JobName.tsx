/** What a job is: its kind in words, the end of its id, and the schedule that started it. */
import { Code, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Job } from '../../api/types'
import { en } from '../../i18n/en'

type Kind = keyof typeof en.jobs.kinds

/** The kind in words; one that this console does not know yet by its name. */
export function useJobText() {
  const { t } = useTranslation()
  return ({ kind, id }: Pick<Job, 'kind' | 'id'>) => {
    const name = kind in en.jobs.kinds ? t(`jobs.kinds.${kind as Kind}`) : kind
    return { name, short: id.slice(-8) }
  }
}

export function JobName({ job }: { job: Job }) {
  const { t } = useTranslation()
  const { name, short } = useJobText()(job)
  return (
    <>
      <Text span fz="sm" fw={600}>
        {name}
      </Text>{' '}
      <Code>{short}</Code>
      {job.schedule && (
        <Text fz="xs" c="dimmed">
          {t('jobs.bySchedule', { name: job.schedule })}
        </Text>
      )}
    </>
  )
}
