/** A larger file, or one to be added: a job takes it in, and says what came of it. */
import { Alert, Button, Card, FileButton, Group, Radio, Stack, Text, Title } from '@mantine/core'
import { CircleAlert, CircleCheck, FileUp } from 'lucide-react'
import { useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemError } from '../../api/problem'
import type { TrainingDataImport } from '../../api/types'
import { DocumentProblem } from '../../components/DocumentProblem'
import { LiveProgress } from '../../components/LiveProgress'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFormat } from '../../i18n/format'
import { ACCEPT, IMPORT_LIMIT, type Refusal, readTextFile, type TextFile } from './files'
import { Hints } from './Hints'
import {
  type ImportMode,
  isUnderWay,
  useCancelImport,
  useImportFile,
  useLatestImport,
} from './transfers'

export function ImportFile({ assistantId }: { assistantId: string }) {
  const { t } = useTranslation()
  const latest = useLatestImport(assistantId)
  const start = useImportFile(assistantId)
  const [mode, setMode] = useState<ImportMode>('merge')
  const [refused, setRefused] = useState<{ name: string; reason: Refusal }>()
  const [sent, setSent] = useState<{ id: string; file: TextFile }>()
  const heading = useId()
  const reset = useRef<() => void>(null)
  const send = async (file: File | null) => {
    // Else the same file, mended, could not be chosen again.
    reset.current?.()
    if (!file) return
    const read = await readTextFile(file, IMPORT_LIMIT)
    start.reset()
    if (typeof read === 'string') return setRefused({ name: file.name, reason: read })
    setRefused(undefined)
    start.mutate({ file: read, mode }, { onSuccess: ({ id }) => setSent({ id, file: read }) })
  }
  const current = latest.data
  return (
    <Card component="section" aria-labelledby={heading}>
      <Title order={2} fz="xl" id={heading}>
        {t('data.import.title')}
      </Title>
      <Text fz="sm" c="dimmed" mb="md">
        {t('data.import.text')}
      </Text>
      <Stack gap="md">
        <Radio.Group
          label={t('data.import.mode')}
          value={mode}
          onChange={value => setMode(value as ImportMode)}
        >
          <Stack gap="xs" mt="xs">
            {(['merge', 'replace'] as const).map(value => (
              <Radio
                key={value}
                value={value}
                label={t(`data.import.modes.${value}`)}
                description={t(`data.import.modeTexts.${value}`)}
              />
            ))}
          </Stack>
        </Radio.Group>
        <Group>
          <FileButton accept={ACCEPT} onChange={send} resetRef={reset}>
            {button => (
              <Button
                {...button}
                variant="default"
                loading={start.isPending}
                disabled={isUnderWay(current)}
                leftSection={<FileUp size={18} aria-hidden />}
              >
                {t('data.import.choose')}
              </Button>
            )}
          </FileButton>
        </Group>
        {refused && (
          <Alert role="alert" color="red" icon={<CircleAlert size={20} aria-hidden />}>
            {refused.reason === 'tooLarge'
              ? t('data.import.tooLarge', { name: refused.name })
              : t(`data.${refused.reason}`, { name: refused.name })}
          </Alert>
        )}
        {start.error && <ProblemAlert error={start.error} />}
        {latest.error && <ProblemAlert error={latest.error} />}
        {current && (
          <Progress
            assistantId={assistantId}
            current={current}
            file={sent?.id === current.id ? sent.file : undefined}
          />
        )}
      </Stack>
    </Card>
  )
}

interface ProgressProps {
  assistantId: string
  current: TrainingDataImport
  /** The file, if it was sent from here. */
  file: TextFile | undefined
}

function Progress({ assistantId, current, file }: ProgressProps) {
  const { t } = useTranslation()
  const cancel = useCancelImport(assistantId)
  if (isUnderWay(current)) {
    const running = current.status === 'running'
    const text = t(running ? 'data.import.running' : 'data.import.queued')
    return (
      <Stack gap="xs">
        <Text fz="sm" role="status">
          {text}
        </Text>
        <LiveProgress progress={running ? 0.5 : 0} running={running} label={text} />
        {cancel.error && <ProblemAlert error={cancel.error} />}
        <Group>
          <Button
            size="xs"
            variant="subtle"
            loading={cancel.isPending}
            onClick={() => cancel.mutate(current.id)}
          >
            {t('data.import.cancel')}
          </Button>
        </Group>
      </Stack>
    )
  }
  if (current.status === 'succeeded') return <Success done={current} />
  if (current.errors.length > 0) {
    return <DocumentProblem error={refusal(current)} source={file?.text ?? ''} name={file?.name} />
  }
  const title = t(current.status === 'cancelled' ? 'data.import.cancelled' : 'data.import.failed')
  return (
    <Alert
      role="alert"
      color={current.status === 'cancelled' ? 'gray' : 'red'}
      variant="light"
      title={title}
      icon={<CircleAlert size={20} aria-hidden />}
    >
      {current.error}
    </Alert>
  )
}

/** What is wrong with the file, as a refused request would have said it. */
function refusal({ error, errors }: TrainingDataImport) {
  const detail = error ?? ''
  const kind = 'https://stoa.dev/problems/invalid'
  return new ProblemError('invalid', {
    type: kind,
    title: detail,
    status: 422,
    detail,
    code: 'invalid',
    errors,
  })
}

function Success({ done }: { done: TrainingDataImport }) {
  const { t } = useTranslation()
  const format = useFormat()
  const { counts } = done
  return (
    <Stack gap="md">
      <Alert
        role="status"
        color="aegean"
        variant="light"
        title={t('data.import.done')}
        icon={<CircleCheck size={20} aria-hidden />}
      >
        {counts &&
          t(`data.import.counts.${done.mode}`, {
            added: format.number(counts.added),
            replaced: format.number(counts.replaced),
            skipped: format.number(counts.skipped),
            examples: format.number(counts.examples),
            intents: format.number(counts.intents),
          })}
        {counts && counts.contradictions > 0 && (
          <Text fz="sm" mt={4}>
            {t('data.import.contradictions', { number: format.number(counts.contradictions) })}
          </Text>
        )}
      </Alert>
      <Hints hints={done.hints} />
    </Stack>
  )
}
