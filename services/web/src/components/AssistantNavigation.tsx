/** The pages of one assistant, below its name. */
import { Text } from '@mantine/core'
import {
  BookOpen,
  Dumbbell,
  Footprints,
  Gauge,
  Inbox,
  MessagesSquare,
  Workflow,
} from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useAssistant } from '../features/assistants/queries'
import { NavigationLink } from './NavigationLink'

interface AssistantNavigationProps {
  assistantId: string
}

export function AssistantNavigation({ assistantId }: AssistantNavigationProps) {
  const { t } = useTranslation()
  const assistant = useAssistant(assistantId)
  const params = { assistantId }
  return (
    <>
      <Text fz="xs" fw={600} c="dimmed" mt="lg" mb={4} px={10} truncate>
        {assistant.data?.name ?? '…'}
      </Text>
      <NavigationLink
        to="/assistants/$assistantId"
        params={params}
        activeOptions={{ exact: true }}
        icon={Footprints}
        label={t('nav.overview')}
      />
      <NavigationLink
        to="/assistants/$assistantId/data"
        params={params}
        icon={BookOpen}
        label={t('nav.data')}
      />
      <NavigationLink
        to="/assistants/$assistantId/flows"
        params={params}
        icon={Workflow}
        label={t('nav.flows')}
      />
      <NavigationLink
        to="/assistants/$assistantId/training"
        params={params}
        icon={Dumbbell}
        label={t('nav.training')}
      />
      <NavigationLink
        to="/assistants/$assistantId/evaluation"
        params={params}
        icon={Gauge}
        label={t('nav.evaluation')}
      />
      <NavigationLink
        to="/assistants/$assistantId/inbox"
        params={params}
        icon={Inbox}
        label={t('nav.inbox')}
      />
      <NavigationLink
        to="/assistants/$assistantId/chat"
        params={params}
        icon={MessagesSquare}
        label={t('nav.chat')}
      />
    </>
  )
}
