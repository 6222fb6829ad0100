/** The training data as a file of a format of choice: a job writes it, then it can be downloaded for a day. */
import { Alert, Button, Card, Group, NativeSelect, Stack, Text, Title } from '@mantine/core'
import { CircleAlert, Download, FileDown } from 'lucide-react'
import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { LiveProgress } from '../../components/LiveProgress'
import { ProblemAlert } from '../../components/ProblemAlert'
import { type DataFormat, isUnderWay, useDownload, useExport, useStartExport } from './transfers'

const FORMATS: { value: DataFormat; label: string }[] = [
  { value: 'yaml', label: 'YAML (Rasa 3 NLU)' },
  { value: 'json', label: 'JSON' },
  { value: 'csv', label: 'CSV (text,intent)' },
]

export function ExportFile({ assistantId }: { assistantId: string }) {
  const { t } = useTranslation()
  const [format, setFormat] = useState<DataFormat>('yaml')
  const start = useStartExport(assistantId)
  const watched = useExport(start.data)
  const download = useDownload()
  const heading = useId()
  const current = start.data ? (watched.data ?? start.data) : undefined
  const busy = start.isPending || isUnderWay(current)
  const error = start.error ?? watched.error ?? download.error
  return (
    <Card component="section" aria-labelledby={heading}>
      <Title order={2} fz="xl" id={heading}>
        {t('data.export.title')}
      </Title>
      <Text fz="sm" c="dimmed" mb="md">
        {t('data.export.text')}
      </Text>
      <Stack gap="sm">
        <Group align="flex-end">
          <NativeSelect
            label={t('data.export.format')}
            data={FORMATS}
            value={format}
            disabled={busy}
            onChange={event => setFormat(event.currentTarget.value as DataFormat)}
          />
          <Button
            variant="default"
            loading={start.isPending}
            disabled={busy}
            leftSection={<FileDown size={18} aria-hidden />}
            onClick={() => start.mutate(format)}
          >
            {t('data.export.start')}
          </Button>
        </Group>
        {format === 'csv' && (
          <Text fz="sm" c="dimmed">
            {t('data.export.csvText')}
          </Text>
        )}
        {error && <ProblemAlert error={error} />}
        {current && isUnderWay(current) && (
          <>
            <Text fz="sm" role="status">
              {t('data.export.running')}
            </Text>
            <LiveProgress
              progress={current.status === 'running' ? 0.5 : 0}
              running={current.status === 'running'}
              label={t('data.export.running')}
            />
          </>
        )}
        {current?.status === 'succeeded' && (
          <Group>
            <Text fz="sm" role="status">
              {t('data.export.done')}
            </Text>
            <Button
              size="xs"
              loading={download.isPending}
              leftSection={<Download size={16} aria-hidden />}
              onClick={() => download.mutate(current)}
            >
              {t('data.export.download', { format: current.format.toUpperCase() })}
            </Button>
          </Group>
        )}
        {(current?.status === 'failed' || current?.status === 'cancelled') && (
          <Alert role="alert" color="red" icon={<CircleAlert size={20} aria-hidden />}>
            {current.error}
          </Alert>
        )}
      </Stack>
    </Card>
  )
}
