/** What may be worth a look in training data that was taken. */
import { Alert, List, Text } from '@mantine/core'
import { Lightbulb } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { TrainingDataSummary } from '../../api/types'

export function Hints({ hints }: { hints: TrainingDataSummary['hints'] }) {
  const { t } = useTranslation()
  if (hints.length === 0) return null
  return (
    <Alert
      color="terracotta"
      variant="light"
      title={t('data.hints')}
      icon={<Lightbulb size={20} aria-hidden />}
    >
      <Text fz="sm" c="dimmed" mb={6}>
        {t('data.hintsText')}
      </Text>
      <List fz="sm" spacing={4}>
        {hints.map(({ kind, message }) => (
          <List.Item key={message}>
            <b>{t(`data.hintKinds.${kind}`)}</b>: {message}
          </List.Item>
        ))}
      </List>
    </Alert>
  )
}
