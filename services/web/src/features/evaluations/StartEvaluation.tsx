/** The two ways to measure: by cross-validation, or with a file of one's own. */
import { Button, Card, Group, NativeSelect, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { Gauge } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DocumentProblem } from '../../components/DocumentProblem'
import { FileDrop } from '../../components/FileDrop'
import { ProblemAlert } from '../../components/ProblemAlert'
import { FileRefusal, type RefusedFile } from '../trainingData/FileRefusal'
import { ACCEPT, readTextFile } from '../trainingData/files'
import { useAllModels } from '../trainings/queries'
import { useCrossValidate, useEvaluateFile } from './queries'

const FOLDS = ['3', '5', '10', '20']
const USUAL_FOLDS = '5'

interface StartProps {
  assistantId: string
  /** Whether an evaluation is under way. */
  busy: boolean
  onStarted: () => void
}

export function StartEvaluation({ hasModel, ...start }: StartProps & { hasModel: boolean }) {
  return (
    <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
      <CrossValidation {...start} />
      <OwnSet {...start} hasModel={hasModel} />
    </SimpleGrid>
  )
}

function CrossValidation({ assistantId, busy, onStarted }: StartProps) {
  const { t } = useTranslation()
  const start = useCrossValidate(assistantId)
  const [folds, setFolds] = useState(USUAL_FOLDS)
  return (
    <Card component="section" aria-labelledby="cross">
      <Title order={2} fz="xl" id="cross">
        {t('evaluation.cross')}
      </Title>
      <Text fz="sm" c="dimmed" mb="md">
        {t('evaluation.crossText')}
      </Text>
      <Stack gap="sm">
        {start.error && <ProblemAlert error={start.error} />}
        <Group align="flex-end">
          <NativeSelect
            label={t('evaluation.folds')}
            data={FOLDS}
            value={folds}
            disabled={busy}
            onChange={event => setFolds(event.currentTarget.value)}
          />
          <Button
            loading={start.isPending}
            disabled={busy}
            leftSection={<Gauge size={18} aria-hidden />}
            onClick={() => start.mutate(Number(folds), { onSuccess: onStarted })}
          >
            {t('evaluation.startCross')}
          </Button>
        </Group>
      </Stack>
    </Card>
  )
}

function OwnSet({ assistantId, busy, onStarted, hasModel }: StartProps & { hasModel: boolean }) {
  const { t } = useTranslation()
  const models = useAllModels(assistantId)
  const evaluate = useEvaluateFile(assistantId)
  const [version, setVersion] = useState('')
  const [refused, setRefused] = useState<RefusedFile>()
  const send = async (chosen: File) => {
    const file = await readTextFile(chosen)
    evaluate.reset()
    if (typeof file === 'string') return setRefused({ name: chosen.name, reason: file })
    setRefused(undefined)
    const model = version ? Number(version) : undefined
    evaluate.mutate({ file, model }, { onSuccess: onStarted })
  }
  const versions = (models.data ?? []).map(model => ({
    value: String(model.version),
    label: t('assistants.version', { version: model.version }),
  }))
  const canAsk = hasModel || versions.length > 0
  const isNone = !hasModel && models.data?.length === 0
  return (
    <Card component="section" aria-labelledby="set">
      <Title order={2} fz="xl" id="set">
        {t('evaluation.set')}
      </Title>
      <Text fz="sm" c="dimmed" mb="md">
        {t(isNone ? 'evaluation.noModel' : 'evaluation.setText')}
      </Text>
      {models.error && <ProblemAlert error={models.error} onRetry={() => models.refetch()} />}
      {canAsk && (
        <Stack gap="sm">
          <NativeSelect
            label={t('evaluation.asked')}
            data={[
              ...(hasModel ? [{ value: '', label: t('evaluation.activeModel') }] : []),
              ...versions,
            ]}
            value={version}
            disabled={busy}
            onChange={event => setVersion(event.currentTarget.value)}
          />
          <FileDrop
            accept={ACCEPT}
            title={t('evaluation.drop')}
            hint={t('evaluation.dropHint')}
            choose={t('data.choose')}
            disabled={busy}
            loading={evaluate.isPending}
            onFile={send}
          />
          {refused && <FileRefusal file={refused} />}
          {evaluate.error && (
            <DocumentProblem
              error={evaluate.error}
              source={evaluate.variables.file.text}
              name={evaluate.variables.file.name}
            />
          )}
        </Stack>
      )}
    </Card>
  )
}
