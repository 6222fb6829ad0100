/** The figures of a model. */
import { useTranslation } from 'react-i18next'
import type { ModelMetrics } from '../../api/types'
import { Figures } from '../../components/Figures'
import { useFormat } from '../../i18n/format'

interface MetricsProps {
  metrics: ModelMetrics
}

export function Metrics({ metrics }: MetricsProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { accuracy, examples, intents, entities, seconds, bytes } = metrics
  return (
    <Figures
      figures={[
        {
          name: t('training.accuracy'),
          value: accuracy == null ? t('training.tooFew') : format.percent(accuracy, 1),
          hint: t('training.accuracyHint'),
          main: true,
        },
        { name: t('training.examples'), value: format.number(examples) },
        { name: t('training.intents'), value: format.number(intents) },
        { name: t('training.entities'), value: format.number(entities) },
        {
          name: t('training.duration'),
          value: t('training.seconds', { seconds: format.seconds(seconds) }),
        },
        { name: t('training.size'), value: format.bytes(bytes) },
      ]}
    />
  )
}
