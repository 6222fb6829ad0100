/** Everything that happened in the conversation, the newest at the bottom and in view. */
import { VisuallyHidden } from '@mantine/core'
import { MessagesSquare } from 'lucide-react'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Conversation } from '../../api/types'
import { EmptyState } from '../../components/EmptyState'
import { AssistantMessage, PersonMessage } from './AssistantMessage'
import classes from './Chat.module.css'
import { Note } from './Note'
import { isAnswered, pressedButton } from './timeline'
import { UserMessage } from './UserMessage'

interface TranscriptProps {
  conversation: Conversation
  /** What has been sent and not yet come back. */
  pending: string | undefined
  /** The sequence of the message whose understanding is shown. */
  selected: number | undefined
  onSelect: (sequence: number) => void
  onPress: (payload: string) => void
}

export function Transcript(props: TranscriptProps) {
  const { conversation, pending, selected, onSelect, onPress } = props
  const { t } = useTranslation()
  const { events, state } = conversation
  const log = useRef<HTMLDivElement>(null)
  const last = events.at(-1)?.sequence

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new event is what moves the view.
  useEffect(() => {
    log.current?.scrollTo?.({ top: log.current.scrollHeight })
  }, [last, pending])

  return (
    <div
      ref={log}
      className={classes.log}
      role="log"
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
      tabIndex={0}
      aria-label={t('chat.conversation')}
    >
      {events.length === 0 && !pending && (
        <EmptyState icon={MessagesSquare} title={t('chat.emptyTitle')} text={t('chat.emptyText')} />
      )}
      {events.map((event, index) => {
        if (event.event === 'user') {
          return (
            <UserMessage
              key={event.sequence}
              event={event}
              pressed={pressedButton(events, index)}
              selected={event.sequence === selected}
              onSelect={() => onSelect(event.sequence)}
            />
          )
        }
        if (event.event === 'assistant') {
          const disabled = Boolean(pending) || isAnswered(events, index)
          return (
            <AssistantMessage
              key={event.sequence}
              message={event.message}
              disabled={disabled}
              onPress={onPress}
            />
          )
        }
        if (event.event === 'person') {
          return <PersonMessage key={event.sequence} text={event.text} />
        }
        return <Note key={event.sequence} event={event} />
      })}
      {pending && (
        <>
          <div className={classes.user} data-pending="true">
            <div className={classes.userBubble}>{pending}</div>
          </div>
          <div className={classes.typing}>
            <i />
            <i />
            <i />
            <VisuallyHidden>{t('chat.thinking')}</VisuallyHidden>
          </div>
        </>
      )}
      {state.status === 'ended' && <p className={classes.note}>{t('chat.ended')}</p>}
    </div>
  )
}
