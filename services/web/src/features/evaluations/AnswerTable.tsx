/** Utterances that were not understood, with what was meant and what was answered. */
import { Badge, Button, Group, Table } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { WrongAnswer } from '../../api/types'
import { ButtonLink } from '../../components/ButtonLink'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import { OUT_OF_SCOPE } from '../inbox/intents'
import type { Intent } from './matrix'

/** Rows that are added at a time. */
const STEP = 25

interface AnswerTableProps {
  label: string
  wrong: WrongAnswer[]
  /** The assistant whose examples these are; absent where they are others. */
  examplesOf?: string | undefined
}

export function AnswerTable({ label, wrong, examplesOf }: AnswerTableProps) {
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
          {wrong.slice(0, shown).map((answer, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: an utterance may stand there twice; the order never changes.
            <Table.Tr key={index}>
              <Table.Td style={{ overflowWrap: 'anywhere' }}>
                {answer.text}
                {answer.suspect && <Suspicion answer={answer} examplesOf={examplesOf} />}
              </Table.Td>
              <Table.Td>{name(answer.expected)}</Table.Td>
              <Table.Td>{name(answer.predicted)}</Table.Td>
              <Table.Td ta="right">{format.percent(answer.confidence)}</Table.Td>
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

interface SuspicionProps {
  answer: WrongAnswer
  examplesOf: string | undefined
}

/** Says that the label may be wrong, and leads to where it is changed. */
function Suspicion({ answer, examplesOf: assistantId }: SuspicionProps) {
  const { t } = useTranslation()
  const { text, expected } = answer
  return (
    <Group gap="xs" mt={4}>
      <Badge
        variant="outline"
        color="terracotta"
        radius="sm"
        tt="none"
        fw={600}
        title={t('evaluation.suspectHint')}
      >
        {t('evaluation.suspect')}
      </Badge>
      {assistantId && (
        <ButtonLink
          size="compact-xs"
          variant="default"
          aria-label={t('evaluation.toExampleOf', { text })}
          to="/assistants/$assistantId/examples"
          params={{ assistantId }}
          // A long utterance ends with an ellipsis that is none of its own.
          search={{ intent: expected ?? OUT_OF_SCOPE, find: text.replace(/…$/, '') }}
        >
          {t('evaluation.toExample')}
        </ButtonLink>
      )}
    </Group>
  )
}
