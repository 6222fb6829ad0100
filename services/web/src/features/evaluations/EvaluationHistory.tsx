/** The evaluations so far; the result of each can be shown, and compared with the one that is shown. */
import { Button, Card, Group, Table, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Evaluation } from '../../api/types'
import { Ago } from '../../components/Ago'
import { StatusBadge } from '../../components/StatusBadge'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import { useWhat } from './useWhat'

interface EvaluationHistoryProps {
  evaluations: Evaluation[]
  /** The way to earlier ones. */
  more: ReactNode
  /** The one whose result is shown. */
  shown: Evaluation | undefined
  /** The one that it is compared with. */
  compared: string | undefined
  onShow: (id: string) => void
  /** Nothing ends the comparison. */
  onCompare: (id: string | undefined) => void
}

export function EvaluationHistory(props: EvaluationHistoryProps) {
  const { evaluations, more, shown, compared, onShow, onCompare } = props
  const { t } = useTranslation()
  const format = useFormat()
  const what = useWhat()
  return (
    <Card component="section" aria-labelledby="history">
      <Title order={2} fz="xl" id="history" mb="sm">
        {t('evaluation.history')}
      </Title>
      <WideTable minWidth={640} label={t('evaluation.history')} verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('evaluation.what')}</Table.Th>
            <Table.Th ta="right">{t('evaluation.accuracy')}</Table.Th>
            <Table.Th pl="xl">{t('training.when')}</Table.Th>
            <Table.Th>{t('training.state')}</Table.Th>
            <Table.Th ta="right">{t('evaluation.result')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {evaluations.map(evaluation => (
            <Table.Tr key={evaluation.id}>
              <Table.Th scope="row">{what(evaluation)}</Table.Th>
              <Table.Td ta="right">
                {evaluation.summary ? format.percent(evaluation.summary.accuracy, 1) : '–'}
              </Table.Td>
              <Table.Td pl="xl">
                <Ago at={evaluation.created_at} />
              </Table.Td>
              <Table.Td>
                <StatusBadge
                  status={evaluation.status}
                  label={t(`evaluation.status.${evaluation.status}`)}
                />
              </Table.Td>
              <Table.Td ta="right">
                <Choices
                  evaluation={evaluation}
                  shown={shown}
                  isCompared={evaluation.id === compared}
                  onShow={onShow}
                  onCompare={onCompare}
                />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
      {more}
    </Card>
  )
}

interface ChoicesProps extends Pick<EvaluationHistoryProps, 'shown' | 'onShow' | 'onCompare'> {
  evaluation: Evaluation
  isCompared: boolean
}

function Choices({ evaluation, shown, isCompared, onShow, onCompare }: ChoicesProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { id, status, created_at } = evaluation
  const time = format.time(created_at)
  if (id === shown?.id) {
    return (
      <Text fz="sm" c="dimmed">
        {t('evaluation.shown')}
      </Text>
    )
  }
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      {status === 'succeeded' && shown?.status === 'succeeded' && (
        <Button
          size="compact-sm"
          variant={isCompared ? 'filled' : 'default'}
          aria-pressed={isCompared}
          aria-label={t('evaluation.comparison.compareLabel', { time })}
          onClick={() => onCompare(isCompared ? undefined : id)}
        >
          {t('evaluation.comparison.compare')}
        </Button>
      )}
      <Button
        size="compact-sm"
        variant="default"
        aria-label={t('evaluation.showLabel', { time })}
        onClick={() => onShow(id)}
      >
        {t('evaluation.show')}
      </Button>
    </Group>
  )
}
