/** Training: start one, watch it, choose the model that answers. */
import { Button, Card, Checkbox, Group, Stack, Text, Title } from '@mantine/core'
import { Dumbbell } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../../components/ButtonLink'
import { EmptyState } from '../../components/EmptyState'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { PageHeader } from '../../components/PageHeader'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { useCanEdit } from '../session/queries'
import { useTrainingData } from '../trainingData/queries'
import { History } from './History'
import { LatestTraining } from './LatestTraining'
import { Models } from './Models'
import { isUnderWay, useRefreshAfterTraining, useStartTraining, useTrainings } from './queries'
import { RolloutCard } from './RolloutCard'

export default function TrainingPage() {
  const { t } = useTranslation()
  const { id, name } = useCurrentAssistant()
  const trainings = useTrainings(id)
  const data = useTrainingData(id)
  const canEdit = useCanEdit()
  const latest = trainings.data?.[0]
  useRefreshAfterTraining(id, latest)
  const nothingToLearn = data.data?.examples.length === 0
  return (
    <>
      <PageHeader context={name} title={t('training.title')} intro={t('training.intro')} />
      <Stack gap="xl">
        {nothingToLearn && !latest ? (
          <NothingToLearn assistantId={id} />
        ) : (
          <Card component="section" aria-labelledby="latest">
            <Title order={2} fz="xl" id="latest" mb="md">
              {t('assistants.lastTraining')}
            </Title>
            <Loaded query={trainings} skeleton={[90]}>
              {([first]) =>
                first ? (
                  <LatestTraining training={first} />
                ) : (
                  <Text c="dimmed">{t('training.historyEmpty')}</Text>
                )
              }
            </Loaded>
            {canEdit && <Start assistantId={id} busy={isUnderWay(latest)} />}
          </Card>
        )}
        {latest && (
          <>
            <Models assistantId={id} />
            <RolloutCard assistantId={id} />
            <Loaded query={trainings}>
              {items => (
                <History
                  trainings={items}
                  more={<More query={trainings} label={t('training.history')} />}
                />
              )}
            </Loaded>
          </>
        )}
      </Stack>
    </>
  )
}

function NothingToLearn({ assistantId }: { assistantId: string }) {
  const { t } = useTranslation()
  return (
    <Card>
      <EmptyState icon={Dumbbell} title={t('training.noDataTitle')} text={t('training.noDataText')}>
        <ButtonLink to="/assistants/$assistantId/data" params={{ assistantId }}>
          {t('training.toData')}
        </ButtonLink>
      </EmptyState>
    </Card>
  )
}

interface StartProps {
  assistantId: string
  /** Whether a training is under way. */
  busy: boolean
}

function Start({ assistantId, busy }: StartProps) {
  const { t } = useTranslation()
  const start = useStartTraining(assistantId)
  const [activate, setActivate] = useState(true)
  return (
    <Stack mt="lg" gap="sm">
      {start.error && <ProblemAlert error={start.error} />}
      <Group gap="lg">
        <Button
          loading={start.isPending}
          disabled={busy}
          leftSection={<Dumbbell size={18} aria-hidden />}
          onClick={() => start.mutate(activate)}
        >
          {t('training.start')}
        </Button>
        <Checkbox
          label={t('training.activate')}
          checked={activate}
          disabled={busy}
          onChange={event => setActivate(event.currentTarget.checked)}
        />
      </Group>
    </Stack>
  )
}
