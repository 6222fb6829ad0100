/** The intents that two evaluations do not understand equally well. */
import { Button, Table, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { PanelTable } from '../../components/Panel'
import { useFormat } from '../../i18n/format'
import { difference, type IntentDifference, intentDifferences } from './compare'
import { Difference } from './Difference'

/** Rows that are added at a time. */
const STEP = 25

interface IntentDifferencesProps {
  before: EvaluationResult
  after: EvaluationResult
}

export function IntentDifferences({ before, after }: IntentDifferencesProps) {
  const { t } = useTranslation()
  const [shown, setShown] = useState(STEP)
  const differences = intentDifferences(before, after)
  return (
    <section aria-labelledby="intent-differences">
      <Title order={3} fz="lg" id="intent-differences" mb="xs">
        {t('evaluation.comparison.intents')}
      </Title>
      {differences.length === 0 ? (
        <Text c="dimmed">{t('evaluation.comparison.noIntents')}</Text>
      ) : (
        <PanelTable
          caption={t('evaluation.comparison.intents')}
          minWidth={560}
          columns={[
            { label: t('evaluation.intent') },
            { label: t('evaluation.comparison.before'), ta: 'right' },
            { label: t('evaluation.comparison.after'), ta: 'right' },
            { label: t('evaluation.comparison.difference'), ta: 'right' },
          ]}
        >
          {differences.slice(0, shown).map(one => (
            <IntentRow key={one.intent ?? ''} {...one} />
          ))}
        </PanelTable>
      )}
      {differences.length > shown && (
        <Button variant="default" size="compact-sm" mt="sm" onClick={() => setShown(shown + STEP)}>
          {t('app.more')}
        </Button>
      )}
    </section>
  )
}

function IntentRow(one: IntentDifference) {
  const { t } = useTranslation()
  const format = useFormat()
  const { intent, before, after } = one
  const value = difference(one)
  const share = (f1: number | undefined) => (f1 === undefined ? '–' : format.percent(f1, 1))
  const side = before === undefined ? 'onlyAfter' : 'onlyBefore'
  return (
    <Table.Tr>
      <Table.Th scope="row" style={{ overflowWrap: 'anywhere' }}>
        {intent ?? t('evaluation.outOfScope')}
      </Table.Th>
      <Table.Td ta="right">{share(before)}</Table.Td>
      <Table.Td ta="right">{share(after)}</Table.Td>
      <Table.Td ta="right">
        {value === undefined ? t(`evaluation.comparison.${side}`) : <Difference value={value} />}
      </Table.Td>
    </Table.Tr>
  )
}
