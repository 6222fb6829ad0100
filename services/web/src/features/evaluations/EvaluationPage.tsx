/** Evaluation: measure how well the assistant understands, and see what it takes for what. */
import { Alert, Card, Group, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Evaluation } from '../../api/types'
import { Ago } from '../../components/Ago'
import { LiveProgress } from '../../components/LiveProgress'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { PageHeader } from '../../components/PageHeader'
import { StatusBadge } from '../../components/StatusBadge'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { CancelRun } from '../jobs/CancelRun'
import { useCanEdit } from '../session/queries'
import { Comparison } from './Comparison'
import { EvaluationHistory } from './EvaluationHistory'
import { Findings } from './Findings'
import { isUnderWay, useEvaluation, useEvaluations } from './queries'
import { StartEvaluation } from './StartEvaluation'
import { useWhat } from './useWhat'

export default function EvaluationPage() {
  const { t } = useTranslation()
  const { id, name, active_model } = useCurrentAssistant()
  const evaluations = useEvaluations(id)
  const canEdit = useCanEdit()
  const [chosen, setChosen] = useState<string>()
  const [beside, setBeside] = useState<string>()
  const latest = evaluations.data?.[0]
  const shown = evaluations.data?.find(evaluation => evaluation.id === chosen) ?? latest
  const other =
    shown?.status === 'succeeded' && beside !== shown.id
      ? evaluations.data?.find(evaluation => evaluation.id === beside)
      : undefined
  return (
    <>
      <PageHeader context={name} title={t('evaluation.title')} intro={t('evaluation.intro')} />
      <Stack gap="xl">
        {canEdit && (
          <StartEvaluation
            assistantId={id}
            hasModel={active_model != null}
            busy={isUnderWay(latest)}
            onStarted={() => setChosen(undefined)}
          />
        )}
        <Loaded query={evaluations} skeleton={[90]}>
          {items => (
            <>
              {shown ? (
                <Outcome key={shown.id} evaluation={shown} />
              ) : (
                <Text c="dimmed">{t('evaluation.empty')}</Text>
              )}
              {items.length > 1 && (
                <EvaluationHistory
                  evaluations={items}
                  more={<More query={evaluations} label={t('evaluation.history')} />}
                  shown={shown}
                  compared={other?.id}
                  onShow={setChosen}
                  onCompare={setBeside}
                />
              )}
              {shown && other && (
                <Comparison
                  key={`${shown.id} ${other.id}`}
                  pair={[shown, other]}
                  onEnd={() => setBeside(undefined)}
                />
              )}
            </>
          )}
        </Loaded>
      </Stack>
    </>
  )
}

function Outcome({ evaluation }: { evaluation: Evaluation }) {
  const { t } = useTranslation()
  const what = useWhat()
  const { status, progress, error, created_at, finished_at } = evaluation
  return (
    <>
      <Card component="section" aria-labelledby="outcome">
        <Title order={2} fz="xl" id="outcome" mb="md">
          {t('evaluation.result')}
        </Title>
        <Stack gap="md">
          <Group gap="sm" role="status">
            <StatusBadge status={status} label={t(`evaluation.status.${status}`)} />
            <Text fz="sm">{what(evaluation)}</Text>
            <Text fz="sm" c="dimmed">
              <Ago at={finished_at ?? created_at} />
            </Text>
          </Group>
          {isUnderWay(evaluation) && (
            <>
              <LiveProgress
                progress={progress}
                running={status === 'running'}
                label={t('evaluation.progress')}
              />
              <CancelRun jobId={evaluation.job_id} label={t('evaluation.cancel')} />
            </>
          )}
          {status === 'failed' && error && (
            <Alert role="alert" color="red" variant="light">
              {error}
            </Alert>
          )}
        </Stack>
      </Card>
      {status === 'succeeded' && <Found id={evaluation.id} />}
    </>
  )
}

function Found({ id }: { id: string }) {
  const evaluation = useEvaluation(id)
  return (
    <Loaded query={evaluation} skeleton={[90, 240, 240]}>
      {({ result, folds, assistant_id }) =>
        result && (
          // Only a cross-validation asks what is among the examples; a set has utterances of its own.
          <Findings result={result} examplesOf={folds == null ? undefined : assistant_id} />
        )
      }
    </Loaded>
  )
}
