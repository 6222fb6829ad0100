/** What the assistant said: text, answers to choose from, or that a person takes over. */
import { Button, VisuallyHidden } from '@mantine/core'
import { Headset } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Message } from '../../api/types'
import classes from './Chat.module.css'

interface AssistantMessageProps {
  message: Message
  /** Whether the answers can no longer be chosen. */
  disabled: boolean
  onPress: (payload: string) => void
}

export function AssistantMessage({ message, disabled, onPress }: AssistantMessageProps) {
  const { t } = useTranslation()
  if (message.type === 'handover') {
    return (
      <div className={classes.handover}>
        <Headset size={22} strokeWidth={1.6} aria-hidden="true" />
        <div>
          <b>{t('chat.handover')}</b>
          <p>{message.text}</p>
          <small>{t('chat.handoverText')}</small>
        </div>
      </div>
    )
  }
  return (
    <div className={classes.assistant}>
      <VisuallyHidden>{t('chat.assistant')}:</VisuallyHidden>
      <div className={classes.assistantBubble}>{message.text}</div>
      {message.type === 'buttons' && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would belong to a form, this is a group of actions.
        <div className={classes.buttons} role="group" aria-label={t('chat.choices')}>
          {message.buttons.map(({ title, payload }) => (
            <Button
              key={payload}
              size="compact-md"
              variant="outline"
              radius="xl"
              disabled={disabled}
              onClick={() => onPress(payload)}
            >
              {title}
            </Button>
          ))}
        </div>
      )}
    </div>
  )
}

/** What a person says who has taken over. */
export function PersonMessage({ text }: { text: string }) {
  const { t } = useTranslation()
  return (
    <div className={classes.assistant}>
      <div className={classes.person}>
        <Headset size={14} aria-hidden="true" />
        {t('chat.person')}
      </div>
      <div className={classes.personBubble}>{text}</div>
    </div>
  )
}
