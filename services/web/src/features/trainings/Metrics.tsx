/** The figures of a model. */
import { useTranslation } from 'react-i18next'
import type { ModelMetrics } from '../../api/types'
import { useFormat } from '../../i18n/format'
import classes from './Metrics.module.css'

interface MetricsProps {
  metrics: ModelMetrics
}

export function Metrics({ metrics }: MetricsProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { accuracy, examples, intents, entities, seconds, bytes } = metrics
  const facts = [
    [t('training.examples'), format.number(examples)],
    [t('training.intents'), format.number(intents)],
    [t('training.entities'), format.number(entities)],
    [t('training.duration'), t('training.seconds', { seconds: format.seconds(seconds) })],
    [t('training.size'), format.bytes(bytes)],
  ]
  return (
    <dl className={classes.metrics}>
      <div className={classes.main} title={t('training.accuracyHint')}>
        <dt>{t('training.accuracy')}</dt>
        <dd>{accuracy == null ? t('training.tooFew') : format.percent(accuracy, 1)}</dd>
      </div>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
