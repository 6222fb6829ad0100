/** Utterances that were not understood, with what was meant and what was answered. */
import { Button, Table } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { WrongAnswer } from '../../api/types'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import type { Intent } from './matrix'

/** Rows that are added at a time. */
const STEP = 25

interface AnswerTableProps {
  label: string
  wrong: WrongAnswer[]
}

export function AnswerTable({ label, wrong }: AnswerTableProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const [shown, setShown] = useState(STEP)
  const name = (intent: Intent | undefined) => intent ?? t('evaluation.outOfScope')
  return (
    <>
      <WideTable minWidth={560} label={label} verticalSpacing="xs">
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
