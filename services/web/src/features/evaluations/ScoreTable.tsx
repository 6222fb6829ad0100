/** Scores of intents or entities; a heading sorts by its column. */
import { Card, Table, Title, UnstyledButton } from '@mantine/core'
import { ArrowDown, ArrowUp } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import { pressed, type Sorting, sorted } from './sorting'

interface Score {
  name: string
  precision?: number | null
  recall?: number | null
  f1: number
  support: number
}

interface ScoreTableProps {
  id: string
  title: string
  /** The heading of the names. */
  name: string
  /** The heading of how often there was something to find. */
  support: string
  scores: Score[]
}

export function ScoreTable({ id, title, name, support, scores }: ScoreTableProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const [sorting, setSorting] = useState<Sorting<keyof Score>>({ by: 'f1', descending: false })
  const share = (value: number | null | undefined) =>
    value == null ? '–' : format.percent(value, 1)
  const columns: [keyof Score, string][] = [
    ['name', name],
    ['precision', t('evaluation.precision')],
    ['recall', t('evaluation.recall')],
    ['f1', t('evaluation.f1')],
    ['support', support],
  ]
  return (
    <Card component="section" aria-labelledby={id}>
      <Title order={2} fz="xl" id={id} mb="sm">
        {title}
      </Title>
      <WideTable minWidth={520} label={title} verticalSpacing="xs">
        <Table.Thead>
          <Table.Tr>
            {columns.map(([by, heading]) => (
              <Heading
                key={by}
                heading={heading}
                right={by !== 'name'}
                descending={sorting.by === by ? sorting.descending : undefined}
                onPress={() => setSorting(pressed(sorting, by))}
              />
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {sorted(scores, sorting).map(score => (
            <Table.Tr key={score.name}>
              <Table.Th scope="row" style={{ overflowWrap: 'anywhere' }}>
                {score.name}
              </Table.Th>
              <Table.Td ta="right">{share(score.precision)}</Table.Td>
              <Table.Td ta="right">{share(score.recall)}</Table.Td>
              <Table.Td ta="right">{share(score.f1)}</Table.Td>
              <Table.Td ta="right">{format.number(score.support)}</Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
    </Card>
  )
}

interface HeadingProps {
  heading: string
  right: boolean
  /** The direction; absent where the table is sorted by another column. */
  descending: boolean | undefined
  onPress: () => void
}

function Heading({ heading, right, descending, onPress }: HeadingProps) {
  const order = descending ? 'descending' : 'ascending'
  const Arrow = descending ? ArrowDown : ArrowUp
  return (
    <Table.Th
      scope="col"
      ta={right ? 'right' : 'left'}
      aria-sort={descending === undefined ? undefined : order}
    >
      <UnstyledButton fz="sm" fw={700} onClick={onPress}>
        {heading}
        {descending !== undefined && <Arrow size={13} aria-hidden />}
      </UnstyledButton>
    </Table.Th>
  )
}
