/** The utterances that were not understood, all or those of one cell of the matrix. */
import { Button, Card, Group, Text, Title } from '@mantine/core'
import type { Ref } from 'react'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { AnswerTable } from './AnswerTable'
import type { Intent, Pair } from './matrix'

interface WrongAnswersProps {
  headingRef: Ref<HTMLHeadingElement>
  result: EvaluationResult
  /** Only these. */
  pair: Pair | undefined
  onAll: () => void
}

export function WrongAnswers({ headingRef, result, pair, onAll }: WrongAnswersProps) {
  const { t } = useTranslation()
  const name = (intent: Intent | undefined) => intent ?? t('evaluation.outOfScope')
  const { wrong, mistakes } = result
  const wanted = pair
    ? wrong.filter(
        ({ expected = null, predicted = null }) =>
          expected === pair.expected && predicted === pair.predicted,
      )
    : wrong
  return (
    <Card component="section" aria-labelledby="wrong">
      <Group justify="space-between" mb="sm">
        <div>
          <Title order={2} fz="xl" id="wrong" ref={headingRef} tabIndex={-1}>
            {t('evaluation.wrong')}
          </Title>
          <Text fz="sm" c="dimmed" role="status">
            {pair &&
              t('evaluation.onlyPair', {
                expected: name(pair.expected),
                predicted: name(pair.predicted),
              })}
            {!pair && wrong.length < mistakes && t('evaluation.wrongSome', { count: wrong.length })}
          </Text>
        </div>
        {pair && (
          <Button variant="default" size="compact-sm" onClick={onAll}>
            {t('evaluation.showAll')}
          </Button>
        )}
      </Group>
      {wanted.length === 0 ? (
        <Text c="dimmed">{t('evaluation.noneOfPair')}</Text>
      ) : (
        <AnswerTable
          key={pair && `${pair.expected} ${pair.predicted}`}
          label={t('evaluation.wrong')}
          wrong={wanted}
        />
      )}
    </Card>
  )
}
