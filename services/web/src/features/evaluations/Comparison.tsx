/** Two evaluations side by side: the earlier one is before, the later one after. */
import { Alert, Button, Card, Group, Stack, Table, Text, Title } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Evaluation, EvaluationDetail } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { PanelTable } from '../../components/Panel'
import { useFormat } from '../../i18n/format'
import { ChangedAnswers } from './ChangedAnswers'
import { basisOf, hasSameUtterances, type Measured } from './compare'
import { Difference } from './Difference'
import { IntentDifferences } from './IntentDifferences'
import { useEvaluation } from './queries'
import { useWhat } from './useWhat'

interface ComparisonProps {
  /** In any order. */
  pair: [Evaluation, Evaluation]
  onEnd: () => void
}

export function Comparison({ pair, onEnd }: ComparisonProps) {
  const { t } = useTranslation()
  const heading = useRef<HTMLHeadingElement>(null)
  const [earlier, later] = pair.toSorted((a, b) => a.created_at.localeCompare(b.created_at))
  // It was asked for in a list that may be long: what came of it must not be missed.
  useEffect(() => {
    heading.current?.focus()
    heading.current?.scrollIntoView({ block: 'start' })
  }, [])
  return (
    <Card component="section" aria-labelledby="comparison">
      <Group justify="space-between" mb="sm">
        <Title order={2} fz="xl" id="comparison" ref={heading} tabIndex={-1}>
          {t('evaluation.comparison.title')}
        </Title>
        <Button variant="default" size="compact-sm" onClick={onEnd}>
          {t('evaluation.comparison.end')}
        </Button>
      </Group>
      {earlier && later && <Both earlier={earlier.id} later={later.id} />}
    </Card>
  )
}

function Both({ earlier, later }: { earlier: string; later: string }) {
  const before = useEvaluation(earlier)
  const after = useEvaluation(later)
  return (
    <Loaded query={before} skeleton={[240]}>
      {old => (
        <Loaded query={after} skeleton={[240]}>
          {now => isMeasured(old) && isMeasured(now) && <Compared before={old} after={now} />}
        </Loaded>
      )}
    </Loaded>
  )
}

function isMeasured(evaluation: EvaluationDetail): evaluation is Measured {
  return evaluation.result != null
}

interface ComparedProps {
  before: Measured
  after: Measured
}

function Compared({ before, after }: ComparedProps) {
  const basis = basisOf(before, after)
  return (
    <Stack gap="lg">
      <OnWhat before={before} after={after} />
      <FigureTable before={before} after={after} />
      <IntentDifferences before={before.result} after={after.result} />
      {hasSameUtterances(basis) && <ChangedAnswers before={before.result} after={after.result} />}
    </Stack>
  )
}

/** Which two they are, and whether they were measured on the same. */
function OnWhat({ before, after }: ComparedProps) {
  const { t } = useTranslation()
  const what = useWhat()
  const basis = basisOf(before, after)
  const sides = [
    { side: t('evaluation.comparison.before'), evaluation: before },
    { side: t('evaluation.comparison.after'), evaluation: after },
  ]
  return (
    <>
      <div>
        {sides.map(({ side, evaluation }) => (
          <Text key={side} fz="sm">
            <b>{side}:</b> {what(evaluation)},{' '}
            <Ago at={evaluation.finished_at ?? evaluation.created_at} />
          </Text>
        ))}
      </div>
      {basis !== 'same' && (
        <Alert role="note" color={hasSameUtterances(basis) ? 'gray' : 'terracotta'} variant="light">
          {t(`evaluation.comparison.basis.${basis}`, {
            before: before.training_data_version ?? '–',
            after: after.training_data_version ?? '–',
          })}
        </Alert>
      )}
    </>
  )
}

/** The figures that are compared, and what is better of each. */
const FIGURES = [
  { key: 'accuracy', name: 'accuracy' },
  { key: 'macro_f1', name: 'macroF1' },
  { key: 'weighted_f1', name: 'weightedF1' },
  { key: 'entity_f1', name: 'entityF1' },
  { key: 'calibration_error', name: 'calibration', lessIsBetter: true },
  { key: 'mistakes', name: 'mistakes', lessIsBetter: true, isNumber: true },
] as const

function FigureTable({ before, after }: ComparedProps) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <PanelTable
      caption={t('evaluation.comparison.figures')}
      minWidth={560}
      columns={[
        { label: t('evaluation.comparison.figure') },
        { label: t('evaluation.comparison.before'), ta: 'right' },
        { label: t('evaluation.comparison.after'), ta: 'right' },
        { label: t('evaluation.comparison.difference'), ta: 'right' },
      ]}
    >
      {FIGURES.map(({ key, name, ...kind }) => {
        const [old, now] = [before.result[key], after.result[key]]
        // Without annotations there is none.
        if (old == null || now == null) return null
        const shown = (value: number) =>
          'isNumber' in kind ? format.number(value) : format.percent(value, 1)
        return (
          <Table.Tr key={key}>
            <Table.Th scope="row">{t(`evaluation.${name}`)}</Table.Th>
            <Table.Td ta="right">{shown(old)}</Table.Td>
            <Table.Td ta="right">{shown(now)}</Table.Td>
            <Table.Td>
              <Difference value={now - old} {...kind} />
            </Table.Td>
          </Table.Tr>
        )
      })}
    </PanelTable>
  )
}
