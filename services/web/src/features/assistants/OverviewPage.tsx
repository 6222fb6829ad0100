/** Where an assistant stands: the four things that carry it, each done or next. */
import { Box, SimpleGrid } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import { BookOpen, Dumbbell, MessagesSquare, Workflow } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '../../components/PageHeader'
import { ProblemAlert } from '../../components/ProblemAlert'
import { StatusBadge } from '../../components/StatusBadge'
import { useFlows } from '../flows/queries'
import { useTrainingData } from '../trainingData/queries'
import { summarize } from '../trainingData/summarize'
import { isUnderWay, useRefreshAfterTraining, useTrainings } from '../trainings/queries'
import { AssistantMenu } from './AssistantMenu'
import { Pediment, Steps } from './Pediment'
import { Pillar } from './Pillar'
import { useCurrentAssistant } from './useCurrentAssistant'

export default function OverviewPage() {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const assistant = useCurrentAssistant()
  const { id, active_model: version } = assistant
  const data = useTrainingData(id)
  const flows = useFlows(id)
  const trainings = useTrainings(id)
  const latest = trainings.data?.[0]
  useRefreshAfterTraining(id, latest)
  const failed = [data, flows, trainings].filter(({ isError }) => isError)
  const retry = () => Promise.all(failed.map(({ refetch }) => refetch()))
  const summary = data.data && summarize(data.data)
  const params = { assistantId: id }
  return (
    <>
      <PageHeader context={t('overview.title')} title={assistant.name}>
        <AssistantMenu assistant={assistant} onDeleted={() => void navigate({ to: '/' })} />
      </PageHeader>
      {failed[0] && (
        <Box mb="md">
          <ProblemAlert error={failed[0].error} onRetry={retry} />
        </Box>
      )}
      <Pediment />
      <SimpleGrid cols={{ base: 1, xs: 2, lg: 4 }} spacing="lg">
        <Pillar
          icon={BookOpen}
          title={t('overview.stepData')}
          text={t('overview.stepDataText')}
          to="/assistants/$assistantId/data"
          params={params}
          isUnknown={data.data === undefined}
          reached={
            summary &&
            `${t('overview.examples', { count: summary.examples })}, ${t('overview.intents', { count: summary.intents.length })}`
          }
        />
        <Pillar
          icon={Workflow}
          title={t('overview.stepFlows')}
          text={t('overview.stepFlowsText')}
          to="/assistants/$assistantId/flows"
          params={params}
          isUnknown={flows.data === undefined}
          reached={flows.data && t('overview.flowsReady')}
        />
        <Pillar
          icon={Dumbbell}
          title={t('overview.stepTrain')}
          text={t('overview.stepTrainText')}
          to="/assistants/$assistantId/training"
          params={params}
          badge={
            isUnderWay(latest) &&
            latest && (
              <StatusBadge status={latest.status} label={t(`training.status.${latest.status}`)} />
            )
          }
          reached={version != null && t('overview.modelReady', { version })}
        />
        <Pillar
          icon={MessagesSquare}
          title={t('overview.stepChat')}
          text={t('overview.stepChatText')}
          to="/assistants/$assistantId/chat"
          params={params}
          reached={version != null && t('overview.ready')}
        />
      </SimpleGrid>
      <Steps />
    </>
  )
}
