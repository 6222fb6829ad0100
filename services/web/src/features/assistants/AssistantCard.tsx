/** One assistant in the list: its name, the model that answers, the last training. */
import { Badge, Card, Group, Text, Title } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { CircleAlert } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { Ago } from '../../components/Ago'
import { StatusBadge } from '../../components/StatusBadge'
import { useProblemText } from '../../components/useProblemText'
import { useTrainings } from '../trainings/queries'
import classes from './AssistantCard.module.css'
import { AssistantMenu } from './AssistantMenu'

interface AssistantCardProps {
  assistant: Assistant
}

export function AssistantCard({ assistant }: AssistantCardProps) {
  const { t } = useTranslation()
  const { id, name, language, active_model } = assistant
  return (
    <Card component="article" className={classes.card} aria-label={name}>
      <Group justify="space-between" wrap="nowrap" align="flex-start" mb="lg">
        <Title order={2} fz={21} lh={1.3} className={classes.title}>
          <Link to="/assistants/$assistantId" params={{ assistantId: id }} className={classes.link}>
            {name}
          </Link>
        </Title>
        <Group gap="xs" wrap="nowrap" className={classes.above}>
          <Badge variant="default" tt="uppercase" radius="sm">
            {language}
          </Badge>
          <AssistantMenu assistant={assistant} />
        </Group>
      </Group>
      <dl className={classes.facts}>
        <div>
          <dt>{t('assistants.activeModel')}</dt>
          <dd>
            {active_model == null
              ? t('assistants.noModel')
              : t('assistants.version', { version: active_model })}
          </dd>
        </div>
        <div>
          <dt>{t('assistants.lastTraining')}</dt>
          <dd>
            <LastTraining assistantId={id} />
          </dd>
        </div>
      </dl>
    </Card>
  )
}

function LastTraining({ assistantId }: { assistantId: string }) {
  const { t } = useTranslation()
  const trainings = useTrainings(assistantId)
  if (trainings.data === undefined) {
    return trainings.isError ? <NotKnown error={trainings.error} /> : '…'
  }
  const [training] = trainings.data
  if (!training) return t('app.never')
  return (
    <Group gap="xs" component="span">
      <Text span inherit>
        <Ago at={training.finished_at ?? training.created_at} />
      </Text>
      {training.status !== 'succeeded' && (
        <StatusBadge status={training.status} label={t(`training.status.${training.status}`)} />
      )}
    </Group>
  )
}

/** In a line: there may be a card like this for each of fifty assistants. */
function NotKnown({ error }: { error: Error }) {
  const { title, hint } = useProblemText(error)
  return (
    <Group gap={6} component="span" title={hint}>
      <CircleAlert size={16} aria-hidden />
      {title}
    </Group>
  )
}
