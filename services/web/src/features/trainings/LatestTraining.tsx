/** The newest training: live while it is under way, its figures afterwards. */
import { Alert, Group, Progress, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Training } from '../../api/types'
import { Ago } from '../../components/Ago'
import { ButtonLink } from '../../components/ButtonLink'
import { useFormat } from '../../i18n/format'
import { Metrics } from './Metrics'
import { isUnderWay } from './queries'
import { StatusBadge } from './StatusBadge'

interface LatestTrainingProps {
  training: Training
}

export function LatestTraining({ training }: LatestTrainingProps) {
  const { t } = useTranslation()
  const { status, model, metrics, error, assistant_id: assistantId } = training
  return (
    <Stack gap="md">
      <Group gap="sm" mih={36} role="status">
        <StatusBadge status={status} />
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
      {isUnderWay(training) && <LiveProgress training={training} />}
      {status === 'failed' && error && (
        <Alert role="alert" color="red" variant="light">
          {error}
        </Alert>
      )}
      {metrics && <Metrics metrics={metrics} />}
    </Stack>
  )
}

function LiveProgress({ training: { progress, model, status } }: LatestTrainingProps) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <Group wrap="nowrap">
      <Progress.Root size="lg" flex={1} radius="xl" transitionDuration={300}>
        <Progress.Section
          value={progress * 100}
          animated={status === 'running'}
          color="aegean"
          aria-label={t('training.progress', { version: model })}
        />
      </Progress.Root>
      <Text fz="sm" fw={600} w={44} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
        {format.percent(progress)}
      </Text>
    </Group>
  )
}
