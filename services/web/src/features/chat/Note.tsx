/** What happened between the lines: slots and flows. */
import { useTranslation } from 'react-i18next'
import type { Event } from '../../api/types'
import classes from './Chat.module.css'
import { valueText } from './valueText'

type NoteEvent = Exclude<Event, { event: 'user' | 'assistant' | 'person' }>

export function Note({ event }: { event: NoteEvent }) {
  const text = useNoteText(event)
  return <p className={classes.note}>{text}</p>
}

function useNoteText(event: NoteEvent): string {
  const { t } = useTranslation()
  switch (event.event) {
    case 'slot':
      return event.value === null
        ? t('chat.slotCleared', { name: event.name })
        : t('chat.slotSet', { name: event.name, value: valueText(event.value) })
    case 'flow_started':
      return t('chat.flowStarted', { flow: event.flow })
    case 'flow_ended':
      return t('chat.flowEnded', { flow: event.flow })
    case 'status':
      return t(`chat.status.${event.status}`)
  }
}
