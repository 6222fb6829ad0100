/** The events of a conversation, from the stream and from the transcript, as one list. */
import type { Event, Message } from '../../api/types'

export type UserEvent = Extract<Event, { event: 'user' }>
type ButtonsMessage = Extract<Message, { type: 'buttons' }>
export type Button = ButtonsMessage['buttons'][number]

/** Both lists as one, by sequence; what came later replaces what was there. */
export function mergeEvents(known: Event[], incoming: Event[]): Event[] {
  const bySequence = new Map(known.map(event => [event.sequence, event]))
  for (const event of incoming) bySequence.set(event.sequence, event)
  return [...bySequence.values()].sort((a, b) => a.sequence - b.sequence)
}

/** The title of the button whose payload `text` is, if the assistant had just offered it. */
export function pressedButton(events: Event[], index: number): string | undefined {
  const text = events[index]?.event === 'user' ? (events[index] as UserEvent).text : undefined
  for (let at = index - 1; at >= 0; at -= 1) {
    const event = events[at]
    if (event?.event === 'user') return undefined
    if (event?.event !== 'assistant' || event.message.type !== 'buttons') continue
    const pressed = event.message.buttons.find(button => button.payload === text)
    if (pressed) return pressed.title
  }
  return undefined
}

/** Buttons stay clickable until the user has said something. */
export function isAnswered(events: Event[], index: number): boolean {
  return events.slice(index + 1).some(event => event.event === 'user')
}

/** The last thing that the user said. */
export function lastUserEvent(events: Event[]): UserEvent | undefined {
  return events.findLast(event => event.event === 'user') as UserEvent | undefined
}
