/** What an evaluation found: the figures, what was taken for what, the mistakes, each intent and entity. */
import { Card, Stack, Text, Title } from '@mantine/core'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { Figures } from '../../components/Figures'
import { useFormat } from '../../i18n/format'
import { ConfusionMatrix } from './ConfusionMatrix'
import type { Pair } from './matrix'
import { ScoreTable } from './ScoreTable'
import { WrongAnswers } from './WrongAnswers'

interface FindingsProps {
  result: EvaluationResult
  /** The assistant whose examples were asked; absent where they were others. */
  examplesOf: string | undefined
}

export function Findings({ result, examplesOf }: FindingsProps) {
  const { t } = useTranslation()
  const [pair, setPair] = useState<Pair>()
  const answers = useRef<HTMLHeadingElement>(null)
  const choose = (chosen: Pair) => {
    setPair(chosen)
    answers.current?.focus()
    answers.current?.scrollIntoView({ block: 'start' })
  }
  const outOfScope = t('evaluation.outOfScope')
  const intents = result.intents.map(({ intent, ...scores }) => ({
    ...scores,
    name: intent ?? outOfScope,
  }))
  const entities = result.entities.map(({ entity, ...scores }) => ({ ...scores, name: entity }))
  return (
    <Stack gap="xl">
      <Summary result={result} />
      {result.mistakes > 0 && (
        <>
          <ConfusionMatrix cells={result.confusion} chosen={pair} onChoose={choose} />
          <WrongAnswers
            headingRef={answers}
            result={result}
            examplesOf={examplesOf}
            pair={pair}
            onAll={() => setPair(undefined)}
          />
        </>
      )}
      <ScoreTable
        id="intents"
        title={t('evaluation.intents')}
        name={t('evaluation.intent')}
        support={t('evaluation.support')}
        scores={intents}
      />
      {entities.length > 0 && (
        <ScoreTable
          id="entities"
          title={t('evaluation.entities')}
          name={t('evaluation.entity')}
          support={t('evaluation.annotated')}
          scores={entities}
        />
      )}
    </Stack>
  )
}

function Summary({ result }: { result: EvaluationResult }) {
  const { t } = useTranslation()
  const format = useFormat()
  const percent = (value: number) => format.percent(value, 1)
  return (
    <Card component="section" aria-labelledby="figures">
      <Title order={2} fz="xl" id="figures" mb="sm">
        {result.mistakes === 0 ? t('evaluation.noMistakes') : t('evaluation.accuracy')}
      </Title>
      <Figures
        figures={[
          {
            name: t('evaluation.accuracy'),
            value: percent(result.accuracy),
            hint: t('evaluation.accuracyHint'),
            main: true,
          },
          {
            name: t('evaluation.macroF1'),
            value: percent(result.macro_f1),
            hint: t('evaluation.macroF1Hint'),
          },
          {
            name: t('evaluation.weightedF1'),
            value: percent(result.weighted_f1),
            hint: t('evaluation.weightedF1Hint'),
          },
          ...(result.entity_f1 == null
            ? []
            : [
                {
                  name: t('evaluation.entityF1'),
                  value: percent(result.entity_f1),
                  hint: t('evaluation.entityF1Hint'),
                },
              ]),
          {
            name: t('evaluation.calibration'),
            value: percent(result.calibration_error),
            hint: t('evaluation.calibrationHint'),
          },
          { name: t('evaluation.examples'), value: format.number(result.examples) },
          { name: t('evaluation.mistakes'), value: format.number(result.mistakes) },
          {
            name: t('evaluation.suspects'),
            value: format.number(result.suspects ?? 0),
            hint: t('evaluation.suspectsHint'),
          },
        ]}
      />
      {result.left_out > 0 && (
        <Text fz="sm" c="dimmed" mt="sm">
          {t('evaluation.leftOut', { count: result.left_out })}
        </Text>
      )}
    </Card>
  )
}
