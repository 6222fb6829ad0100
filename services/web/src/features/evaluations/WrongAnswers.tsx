/** The utterances that were not understood, all or those of one cell of the matrix. */
import { Button, Card, Group, Switch, Text, Title } from '@mantine/core'
import { type Ref, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { AnswerTable } from './AnswerTable'
import type { Intent, Pair } from './matrix'

interface WrongAnswersProps {
  headingRef: Ref<HTMLHeadingElement>
  result: EvaluationResult
  /** The assistant whose examples were asked; absent where they were others. */
  examplesOf: string | undefined
  /** Only these. */
  pair: Pair | undefined
  onAll: () => void
}

export function WrongAnswers({ headingRef, result, pair, onAll, ...props }: WrongAnswersProps) {
  const { t } = useTranslation()
  const [isSuspectOnly, setSuspectOnly] = useState(false)
  const name = (intent: Intent | undefined) => intent ?? t('evaluation.outOfScope')
  const { wrong, mistakes } = result
  const ofPair = pair
    ? wrong.filter(
        ({ expected = null, predicted = null }) =>
          expected === pair.expected && predicted === pair.predicted,
      )
    : wrong
  const wanted = isSuspectOnly ? ofPair.filter(({ suspect }) => suspect) : ofPair
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
      {wrong.some(({ suspect }) => suspect) && (
        <Switch
          mb="sm"
          label={t('evaluation.onlySuspects')}
          checked={isSuspectOnly}
          onChange={event => setSuspectOnly(event.currentTarget.checked)}
        />
      )}
      {wanted.length === 0 ? (
        <Text c="dimmed">
          {t(ofPair.length === 0 ? 'evaluation.noneOfPair' : 'evaluation.noneSuspect')}
        </Text>
      ) : (
        <AnswerTable
          key={[pair?.expected, pair?.predicted, isSuspectOnly].join(' ')}
          label={t('evaluation.wrong')}
          wrong={wanted}
          {...props}
        />
      )}
    </Card>
  )
}
