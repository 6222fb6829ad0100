/** The evaluations so far; the result of each can be shown. */
import { Button, Card, Table, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Evaluation } from '../../api/types'
import { Ago } from '../../components/Ago'
import { StatusBadge } from '../../components/StatusBadge'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import { useWhat } from './useWhat'

interface EvaluationHistoryProps {
  evaluations: Evaluation[]
  /** The one whose result is shown. */
  shown: string | undefined
  onShow: (id: string) => void
}

export function EvaluationHistory({ evaluations, shown, onShow }: EvaluationHistoryProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const what = useWhat()
  return (
    <Card component="section" aria-labelledby="history">
      <Title order={2} fz="xl" id="history" mb="sm">
        {t('evaluation.history')}
      </Title>
      <WideTable minWidth={560} label={t('evaluation.history')} verticalSpacing="sm">
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
                {evaluation.id === shown ? (
                  <Text fz="sm" c="dimmed">
                    {t('evaluation.shown')}
                  </Text>
                ) : (
                  <Button
                    size="compact-sm"
                    variant="default"
                    aria-label={t('evaluation.showLabel', {
                      time: format.time(evaluation.created_at),
                    })}
                    onClick={() => onShow(evaluation.id)}
                  >
                    {t('evaluation.show')}
                  </Button>
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
    </Card>
  )
}
