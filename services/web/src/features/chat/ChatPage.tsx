/** The playground: the conversation at the left, what was understood and remembered at the right. */
import { Button, Card } from '@mantine/core'
import { MessagesSquare, RotateCcw } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Conversation } from '../../api/types'
import { ButtonLink } from '../../components/ButtonLink'
import { EmptyState } from '../../components/EmptyState'
import { Loaded } from '../../components/Loaded'
import { PageHeader } from '../../components/PageHeader'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import classes from './Chat.module.css'
import { Composer } from './Composer'
import { Connection } from './Connection'
import { StatePanel } from './StatePanel'
import { Transcript } from './Transcript'
import { lastUserEvent } from './timeline'
import { Understanding } from './Understanding'
import { useConversation } from './useConversation'

export default function ChatPage() {
  const { t } = useTranslation()
  const { id, name, active_model: version } = useCurrentAssistant()
  if (version != null) return <Playground assistantId={id} name={name} />
  return (
    <>
      <PageHeader context={name} title={t('chat.title')} intro={t('chat.intro')} />
      <Card>
        <EmptyState
          icon={MessagesSquare}
          title={t('chat.noModelTitle')}
          text={t('chat.noModelText')}
        >
          <ButtonLink to="/assistants/$assistantId/training" params={{ assistantId: id }}>
            {t('nav.training')}
          </ButtonLink>
        </EmptyState>
      </Card>
    </>
  )
}

interface PlaygroundProps {
  assistantId: string
  name: string
}

function Playground({ assistantId, name }: PlaygroundProps) {
  const { t } = useTranslation()
  const { current, conversation, live, send, restart } = useConversation(assistantId)
  const [selected, setSelected] = useState<number>()
  const pending = send.isPending ? send.variables : undefined

  const say = (text: string) => {
    setSelected(undefined)
    return send.mutateAsync(text)
  }

  return (
    <>
      <PageHeader context={name} title={t('chat.title')} intro={t('chat.intro')}>
        <Connection live={live} />
        <Button
          variant="default"
          leftSection={<RotateCcw size={16} aria-hidden />}
          onClick={() => {
            setSelected(undefined)
            void restart()
          }}
        >
          {t('chat.restart')}
        </Button>
      </PageHeader>
      {current.isError ? (
        <ProblemAlert error={current.error} onRetry={() => current.refetch()} />
      ) : (
        <Loaded query={conversation} skeleton={[480]}>
          {loaded => (
            <div className={classes.columns}>
              <Card
                padding={0}
                className={classes.conversation}
                component="section"
                aria-label={t('chat.conversation')}
              >
                <Transcript
                  conversation={loaded}
                  pending={pending}
                  selected={shown(loaded, selected)?.sequence}
                  onSelect={setSelected}
                  onPress={payload => say(payload).catch(() => undefined)}
                />
                {send.error && <ProblemAlert error={send.error} />}
                <Composer disabled={send.isPending} onSend={say} />
              </Card>
              <aside className={classes.side}>
                <Understanding event={shown(loaded, selected)} />
                <StatePanel state={loaded.state} />
              </aside>
            </div>
          )}
        </Loaded>
      )}
    </>
  )
}

/** The message whose understanding is shown: the chosen one, else the last. */
function shown({ events }: Conversation, selected: number | undefined) {
  const chosen = events.find(({ sequence }) => sequence === selected)
  return chosen?.event === 'user' ? chosen : lastUserEvent(events)
}
