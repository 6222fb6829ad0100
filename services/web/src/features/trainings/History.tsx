/** The trainings so far. */
import { Card, Table, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Training } from '../../api/types'
import { Ago } from '../../components/Ago'
import { StatusBadge } from '../../components/StatusBadge'
import { WideTable } from '../../components/WideTable'

interface HistoryProps {
  trainings: Training[]
  /** The way to earlier ones. */
  more: ReactNode
}

export function History({ trainings, more }: HistoryProps) {
  const { t } = useTranslation()
  return (
    <Card component="section" aria-labelledby="history">
      <Title order={2} fz="xl" id="history" mb="sm">
        {t('training.history')}
      </Title>
      <WideTable minWidth={420} label={t('training.history')} verticalSpacing="sm">
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{t('training.model')}</Table.Th>
            <Table.Th>{t('training.when')}</Table.Th>
            <Table.Th ta="right">{t('training.state')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {trainings.map(({ id, model, created_at, status }) => (
            <Table.Tr key={id}>
              <Table.Th scope="row">{t('assistants.version', { version: model })}</Table.Th>
              <Table.Td>
                <Ago at={created_at} />
              </Table.Td>
              <Table.Td ta="right">
                <StatusBadge status={status} label={t(`training.status.${status}`)} />
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </WideTable>
      {more}
    </Card>
  )
}
