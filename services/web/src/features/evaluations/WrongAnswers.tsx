/** The utterances that were not understood, all or those of one cell of the matrix. */
import { Button, Card, Group, Table, Text, Title } from '@mantine/core'
import { type Ref, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import type { Intent, Pair } from './matrix'

/** Rows that are added at a time. */
const STEP = 25

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
        <Rows key={pair && `${pair.expected} ${pair.predicted}`} wrong={wanted} name={name} />
      )}
    </Card>
  )
}

interface RowsProps {
  wrong: EvaluationResult['wrong']
  name: (intent: Intent | undefined) => string
}

function Rows({ wrong, name }: RowsProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const [shown, setShown] = useState(STEP)
  return (
    <>
      <WideTable minWidth={560} label={t('evaluation.wrong')} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('evaluation.utterance')}</Table.Th>
            <Table.Th>{t('evaluation.expected')}</Table.Th>
            <Table.Th>{t('evaluation.predicted')}</Table.Th>
            <Table.Th ta="right">{t('evaluation.confidence')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {wrong.slice(0, shown).map(({ text, expected, predicted, confidence }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an utterance may stand there twice; the order never changes.
            <Table.Tr key={index}>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>{text}</Table.Td>
              <Table.Td>{name(expected)}</Table.Td>
              <Table.Td>{name(predicted)}</Table.Td>
              <Table.Td ta="right">{format.percent(confidence)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
      {wrong.length > shown && (
        <Button variant="default" size="compact-sm" mt="sm" onClick={() => setShown(shown + STEP)}>
          {t('app.more')}
        </Button>
      )}
    </>
  )
}
