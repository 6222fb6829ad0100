/** The utterances that only one of two evaluations got wrong. */
import { Text, Title } from '@mantine/core'
import { useId } from 'react'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { AnswerTable } from './AnswerTable'
import { onlyWrongIn } from './compare'

interface ChangedAnswersProps {
  before: EvaluationResult
  after: EvaluationResult
}

export function ChangedAnswers({ before, after }: ChangedAnswersProps) {
  const { t } = useTranslation()
  return (
    <>
      <Changed
        title={t('evaluation.comparison.newlyWrong')}
        wrongIn={after}
        rightIn={before}
        none={t('evaluation.comparison.noneNewlyWrong')}
        unknown={t('evaluation.comparison.newlyWrongUnknown')}
      />
      <Changed
        title={t('evaluation.comparison.nowRight')}
        wrongIn={before}
        rightIn={after}
        none={t('evaluation.comparison.noneNowRight')}
        unknown={t('evaluation.comparison.nowRightUnknown')}
      />
    </>
  )
}

interface ChangedProps {
  title: string
  wrongIn: EvaluationResult
  rightIn: EvaluationResult
  none: string
  /** Stands where it cannot be told. */
  unknown: string
}

function Changed({ title, wrongIn, rightIn, none, unknown }: ChangedProps) {
  const { t } = useTranslation()
  const id = useId()
  const answers = onlyWrongIn(wrongIn, rightIn)
  return (
    <section aria-labelledby={id}>
      <Title order={3} fz="lg" id={id} mb="xs">
        {title}
      </Title>
      {!answers && <Text c="dimmed">{unknown}</Text>}
      {answers && wrongIn.wrong.length < wrongIn.mistakes && (
        <Text fz="sm" c="dimmed">
          {t('evaluation.wrongSome', { count: wrongIn.wrong.length })}
        </Text>
      )}
      {answers?.length === 0 && <Text c="dimmed">{none}</Text>}
      {answers && answers.length > 0 && <AnswerTable label={title} wrong={answers} />}
    </section>
  )
}
