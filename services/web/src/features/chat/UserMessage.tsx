/** What the user said, with what was understood right below it. */
import { UnstyledButton, VisuallyHidden } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../i18n/format'
import classes from './Chat.module.css'
import { entityParts } from './entityParts'
import type { UserEvent } from './timeline'

interface UserMessageProps {
  event: UserEvent
  /** The title of the button that was pressed, if it was one. */
  pressed: string | undefined
  selected: boolean
  onSelect: () => void
}

export function UserMessage({ event, pressed, selected, onSelect }: UserMessageProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { text, parse } = event
  const said = pressed ?? text
  return (
    <div className={classes.user}>
      <VisuallyHidden>{t('chat.you')}:</VisuallyHidden>
      <div className={classes.userBubble} data-selected={selected}>
        {pressed
          ? pressed
          : entityParts(text, parse?.entities ?? []).map(part =>
              part.entity ? (
                <mark key={part.start} title={part.entity.entity}>
                  {part.text}
                </mark>
              ) : (
                <span key={part.start}>{part.text}</span>
              ),
            )}
      </div>
      <UnstyledButton
        className={classes.intent}
        aria-pressed={selected}
        aria-label={t('chat.inspect', { text: said })}
        onClick={onSelect}
      >
        {parse ? (
          <>
            <b>{parse.intent.name ?? t('chat.outOfScope')}</b>
            <span>{format.percent(parse.intent.confidence)}</span>
          </>
        ) : (
          <b>{t('chat.pressed')}</b>
        )}
      </UnstyledButton>
    </div>
  )
}
