/** The newest training: live while it is under way, its figures afterwards. */
import { Alert, Group, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Training } from '../../api/types'
import { Ago } from '../../components/Ago'
import { ButtonLink } from '../../components/ButtonLink'
import { LiveProgress } from '../../components/LiveProgress'
import { StatusBadge } from '../../components/StatusBadge'
import { CancelRun } from '../jobs/CancelRun'
import { Metrics } from './Metrics'
import { isUnderWay } from './queries'

interface LatestTrainingProps {
  training: Training
}

export function LatestTraining({ training }: LatestTrainingProps) {
  const { t } = useTranslation()
  const { status, progress, model, metrics, error, assistant_id: assistantId } = training
  return (
    <Stack gap="md">
      <Group gap="sm" mih={36} role="status">
        <StatusBadge status={status} label={t(`training.status.${status}`)} />
        <Text fz="sm">{t(`training.${status}Text`, { version: model })}</Text>
        <Text fz="sm" c="dimmed">
          <Ago at={training.finished_at ?? training.created_at} />
        </Text>
        {status === 'succeeded' && (
          <ButtonLink
            variant="light"
            ml="auto"
            to="/assistants/$assistantId/chat"
            params={{ assistantId }}
          >
            {t('training.toChat')}
          </ButtonLink>
        )}
      </Group>
      {isUnderWay(training) && (
        <>
          <LiveProgress
            progress={progress}
            running={status === 'running'}
            label={t('training.progress', { version: model })}
          />
          <CancelRun key={training.id} jobId={training.job_id} label={t('training.cancel')} />
        </>
      )}
      {status === 'failed' && error && (
        <Alert role="alert" color="red" variant="light">
          {error}
        </Alert>
      )}
      {metrics && <Metrics metrics={metrics} />}
    </Stack>
  )
}
