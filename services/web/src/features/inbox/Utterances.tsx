/** The list of utterances. While it has the focus, keys say what the chosen one means. */
import { Text } from '@mantine/core'
import { type KeyboardEvent, type Ref, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import type { InboxItem, LabelInboxItem } from '../../api/types'
import { useFormat } from '../../i18n/format'
import classes from './Inbox.module.css'
import { OUT_OF_SCOPE } from './intents'

interface UtterancesProps {
  ref: Ref<HTMLDivElement>
  items: InboxItem[]
  /** The index of the chosen one. */
  place: number
  onChoose: (place: number) => void
  /** Absent for who may not. */
  onSay: ((label: LabelInboxItem) => void) | undefined
  onOther: () => void
  /** To where its entities are marked. */
  onMark: () => void
}

const optionId = (item: InboxItem) => `utterance-${item.id}`

export function Utterances(props: UtterancesProps) {
  const { ref, items, place, onChoose, onSay, onOther, onMark } = props
  const { t } = useTranslation()
  const current = items[place]
  const currentId = current && optionId(current)

  useEffect(() => {
    if (currentId) document.getElementById(currentId)?.scrollIntoView?.({ block: 'nearest' })
  }, [currentId])

  const moves: Record<string, () => void> = {
    ArrowDown: () => onChoose(place + 1),
    j: () => onChoose(place + 1),
    ArrowUp: () => onChoose(place - 1),
    k: () => onChoose(place - 1),
    Home: () => onChoose(0),
    End: () => onChoose(items.length - 1),
  }
  const guess = (index: number) => () => {
    const intent = current?.guesses[index]?.name
    if (intent) onSay?.({ intent })
  }
  const decisions: Record<string, () => void> = {
    Enter: guess(0),
    i: onOther,
    e: () => onSay && onMark(),
    o: () => onSay?.({ intent: OUT_OF_SCOPE }),
    d: () => onSay?.({ dismiss: true }),
    Delete: () => onSay?.({ dismiss: true }),
  }
  const press = (event: KeyboardEvent) => {
    // What belongs to the browser stays with it; a key that is held down decides once.
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const digit = /^[1-5]$/.test(key) ? guess(Number(key) - 1) : undefined
    const decision = onSay && (digit ?? decisions[key])
    const action = moves[key] ?? (event.repeat ? undefined : decision)
    if (!action) return
    event.preventDefault()
    action()
  }
  return (
    <div
      ref={ref}
      className={classes.list}
      role="listbox"
      tabIndex={0}
      aria-label={t('inbox.list')}
      aria-describedby={onSay && 'inbox-keys'}
      aria-activedescendant={currentId}
      onKeyDown={press}
    >
      {items.map((item, index) => (
        <Utterance
          key={item.id}
          item={item}
          selected={index === place}
          onChoose={() => onChoose(index)}
        />
      ))}
    </div>
  )
}

interface UtteranceProps {
  item: InboxItem
  selected: boolean
  onChoose: () => void
}

function Utterance({ item, selected, onChoose }: UtteranceProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const best = item.guesses[0]
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the list has the keys of all its options.
    // biome-ignore lint/a11y/useFocusableInteractive: the list has the focus, and names the option.
    <div
      id={optionId(item)}
      className={classes.option}
      role="option"
      aria-selected={selected}
      onClick={onChoose}
    >
      <Text fz="sm" fw={600} lineClamp={3} style={{ overflowWrap: 'anywhere' }}>
        {item.text}
      </Text>
      <Text fz="xs" c="dimmed">
        {t('inbox.seen', { count: item.seen })}
        {' · '}
        {best
          ? t('inbox.guess', { name: best.name, percent: format.percent(best.confidence) })
          : t('inbox.noGuess')}
      </Text>
    </div>
  )
}
