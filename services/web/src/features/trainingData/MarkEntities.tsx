/**
 * Marks entities in a text: select a part of it with the mouse or Shift and the arrows, press Enter, say what it is.
 *
 * A text field holds the text, because every browser lets a keyboard select in one.
 */
import { Button, Group, Stack, Text, Textarea, TextInput } from '@mantine/core'
import { type FormEvent, type KeyboardEvent, type Ref, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type Annotation,
  asInField,
  inOrder,
  moveAlong,
  overlapped,
  type Place,
  selectedPlace,
  textAt,
} from './annotations'
import { markLabel } from './MarkedText'

/** The longest name of an entity, and the longest role or value, that are offered. */
const NAME_LIMIT = 200

interface MarkEntitiesProps {
  label: string
  text: string
  entities: Annotation[]
  /** The names that the training data has already. */
  known: string[]
  textRef?: Ref<HTMLTextAreaElement>
  onChange: (text: string, entities: Annotation[]) => void
  /** Whether the words are as they are. */
  isFixed?: boolean
  onLeave?: () => void
}

export function MarkEntities(props: MarkEntitiesProps) {
  const { t } = useTranslation()
  const { label, text, entities, known, textRef, onChange, isFixed = false, onLeave } = props
  const [choice, setChoice] = useState<Choice>()
  // In another text the place is another one.
  const chosen = choice?.text === text ? choice : undefined
  const instead = chosen?.isMarked ? overlapped(entities, chosen.place) : undefined
  const field = asInField(text, entities)
  const area = useRef<HTMLTextAreaElement | null>(null)
  const name = useRef<HTMLInputElement>(null)

  const look = () => {
    if (!area.current) return
    const { selectionStart, selectionEnd } = area.current
    const place = selectedPlace(text, selectionStart, selectionEnd)
    setChoice(place && { text, place, isMarked: false })
  }
  const press = (event: KeyboardEvent) => {
    if (event.key === 'Escape') return onLeave?.()
    if (event.key !== 'Enter' || !chosen) return
    event.preventDefault()
    name.current?.focus()
  }
  const mark = (entity: Annotation) => {
    const others = entities.filter(other => other !== instead)
    onChange(text, inOrder([...others, entity]))
    leave()
  }
  const leave = () => {
    setChoice(undefined)
    const end = area.current?.selectionEnd ?? 0
    area.current?.setSelectionRange(end, end)
    area.current?.focus()
  }
  return (
    <Stack gap="xs">
      <Textarea
        ref={element => {
          area.current = element
          if (typeof textRef === 'function') textRef(element)
          else if (textRef) textRef.current = element
        }}
        label={label}
        description={t('data.marks.how')}
        autosize
        minRows={1}
        maxLength={10_000}
        readOnly={isFixed}
        value={field.text}
        onSelect={look}
        onKeyDown={press}
        onChange={event => {
          const after = event.currentTarget.value
          setChoice(undefined)
          onChange(after, moveAlong(field.entities, field.text, after))
        }}
      />
      {chosen && (
        <MarkForm
          key={`${chosen.place.start}:${chosen.place.end} ${chosen.isMarked ? 'changed' : 'new'}`}
          text={text}
          place={chosen.place}
          instead={instead}
          overlaps={overlapped(entities, chosen.place, instead)}
          known={known}
          nameRef={name}
          onMark={mark}
          onLeave={leave}
        />
      )}
      {entities.length > 0 && (
        <Group component="ul" gap="xs" p={0} m={0} aria-label={t('data.marks.list')}>
          {inOrder(entities).map(entity => (
            <Group component="li" key={entity.start} gap={6} style={{ listStyle: 'none' }}>
              <Text fz="sm">
                “{textAt(text, entity)}” <b>{markLabel(entity)}</b>
              </Text>
              <Button
                size="compact-xs"
                variant="subtle"
                aria-label={t('data.marks.changeOf', { text: textAt(text, entity) })}
                onClick={() => setChoice({ text, place: entity, isMarked: true })}
              >
                {t('data.marks.change')}
              </Button>
              <Button
                size="compact-xs"
                variant="subtle"
                color="red"
                aria-label={t('data.marks.removeOf', { text: textAt(text, entity) })}
                onClick={() => {
                  onChange(
                    text,
                    entities.filter(other => other !== entity),
                  )
                  leave()
                }}
              >
                {t('data.marks.remove')}
              </Button>
            </Group>
          ))}
        </Group>
      )}
    </Stack>
  )
}

/** What is to be marked. */
interface Choice {
  text: string
  place: Place
  /** Whether it is marked already, and this is to be changed. */
  isMarked: boolean
}

interface MarkFormProps {
  text: string
  place: Place
  instead: Annotation | undefined
  overlaps: Annotation | undefined
  known: string[]
  nameRef: Ref<HTMLInputElement>
  onMark: (entity: Annotation) => void
  onLeave: () => void
}

/** What was marked last: the next one often is the same. */
let lastName = ''

function MarkForm(props: MarkFormProps) {
  const { t } = useTranslation()
  const { text, place, instead, overlaps, known, nameRef, onMark, onLeave } = props
  const [name, setName] = useState(instead?.entity ?? lastName)
  const [role, setRole] = useState(instead?.role ?? '')
  const [value, setValue] = useState(instead?.value ?? '')
  const choices = useId()
  const part = textAt(text, place)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const entity = name.trim()
    if (!entity || overlaps) return
    lastName = entity
    const extra = {
      ...(role.trim() && { role: role.trim() }),
      ...(instead?.group && { group: instead.group }),
      ...(value.trim() && value.trim() !== part && { value: value.trim() }),
    }
    onMark({ start: place.start, end: place.end, entity, ...extra })
  }
  if (overlaps) {
    return (
      <Text role="alert" fz="sm" c="var(--mantine-color-error)">
        {t('data.marks.overlaps', { part, other: textAt(text, overlaps), entity: overlaps.entity })}
      </Text>
    )
  }
  return (
    <form onSubmit={submit} onKeyDown={event => event.key === 'Escape' && onLeave()}>
      <Group align="flex-end" gap="xs">
        <TextInput
          ref={nameRef}
          size="xs"
          label={t('data.marks.entity', { part })}
          list={choices}
          autoComplete="off"
          maxLength={NAME_LIMIT}
          value={name}
          onFocus={event => event.currentTarget.select()}
          onChange={event => setName(event.currentTarget.value)}
        />
        <datalist id={choices}>
          {known.map(entity => (
            <option key={entity} value={entity} />
          ))}
        </datalist>
        <TextInput
          size="xs"
          label={t('data.marks.role')}
          autoComplete="off"
          maxLength={NAME_LIMIT}
          value={role}
          onChange={event => setRole(event.currentTarget.value)}
        />
        <TextInput
          size="xs"
          label={t('data.marks.value')}
          placeholder={part}
          autoComplete="off"
          maxLength={NAME_LIMIT}
          value={value}
          onChange={event => setValue(event.currentTarget.value)}
        />
        <Button size="xs" type="submit" disabled={!name.trim()}>
          {t('data.marks.mark')}
        </Button>
      </Group>
    </form>
  )
}
