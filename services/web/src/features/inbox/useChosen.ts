/** Which utterance is chosen: the one that is shown, whatever becomes of the list, until it is decided or another is taken. */
import { useState } from 'react'
import type { InboxItem } from '../../api/types'

interface Chosen {
  item: InboxItem
  /** Where it stands; the next one is taken from there when it is decided. */
  place: number
}

/** Of those that wait; `decided` is the id of the one that was decided here last. */
export function useChosen(waiting: InboxItem[], decided: string | undefined) {
  const [chosen, setChosen] = useState<Chosen>()
  const known = waiting.findIndex(({ id }) => id === chosen?.item.id)
  // Gone elsewhere: a key that is being pressed must not speak of the next one.
  const gone = chosen && known < 0 && chosen.item.id !== decided ? chosen : undefined
  const items = gone ? inserted(waiting, gone) : waiting
  const next = Math.min(chosen?.place ?? 0, items.length - 1)
  const place = known < 0 ? next : known
  const current = items[place]

  if (current && (current !== chosen?.item || place !== chosen.place)) {
    setChosen({ item: current, place })
  }
  const choose = (wanted: number) => {
    const place = Math.max(0, Math.min(wanted, items.length - 1))
    const item = items[place]
    if (item) setChosen({ item, place })
  }
  return { items, place, current, isGone: gone !== undefined, choose }
}

function inserted(items: InboxItem[], { item, place }: Chosen): InboxItem[] {
  return [...items.slice(0, place), item, ...items.slice(place)]
}
