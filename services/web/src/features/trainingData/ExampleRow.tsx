/** An example: its text with its entities, and opened the fields to change it. */
import { Badge, Button, Group, NativeSelect, Stack } from '@mantine/core'
import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { Example } from '../../api/types'
import { OUT_OF_SCOPE } from '../inbox/intents'
import { exampleKey } from './changes'
import classes from './ExamplesPage.module.css'
import { MarkEntities } from './MarkEntities'
import { MarkedText } from './MarkedText'
import type { Row } from './useDraft'

interface ExampleRowProps {
  row: Row
  intents: string[]
  entities: string[]
  isOpen: boolean
  onOpen: (isOpen: boolean) => void
  /** Takes what the example becomes; null removes it. Absent for who may not. */
  onSet: ((example: Example | null) => void) | undefined
  onRestore: () => void
}

export function ExampleRow(props: ExampleRowProps) {
  const { t } = useTranslation()
  const { row, intents, entities, isOpen, onOpen, onSet, onRestore } = props
  const { example, isRemoved } = row
  const toggle = useRef<HTMLButtonElement>(null)
  const text = example.text
  const close = () => {
    onOpen(false)
    toggle.current?.focus()
  }
  return (
    <li className={classes.row} data-removed={isRemoved}>
      <Group align="flex-start" gap="sm">
        <div className={classes.text}>
          <MarkedText text={text} entities={example.entities} />
        </div>
        <Standing row={row} />
        {onSet && isRemoved && (
          <Button
            size="compact-sm"
            variant="subtle"
            aria-label={t('data.edit.restoreOf', { text })}
            onClick={onRestore}
          >
            {t('data.edit.restore')}
          </Button>
        )}
        {onSet && !isRemoved && (
          <>
            <Button
              ref={toggle}
              size="compact-sm"
              variant="subtle"
              aria-expanded={isOpen}
              aria-label={t('data.edit.editOf', { text })}
              onClick={() => onOpen(!isOpen)}
            >
              {t(isOpen ? 'data.edit.close' : 'data.edit.edit')}
            </Button>
            <Button
              size="compact-sm"
              variant="subtle"
              color="red"
              aria-label={t('data.edit.removeOf', { text })}
              onClick={() => onSet(null)}
            >
              {t('data.edit.remove')}
            </Button>
          </>
        )}
      </Group>
      {isOpen && onSet && !isRemoved && (
        <Editor
          example={example}
          intents={intents}
          entities={entities}
          onSet={onSet}
          onLeave={close}
        />
      )}
    </li>
  )
}

/** What was done to it and is not saved yet. */
function Standing({ row: { from, example, isRemoved } }: { row: Row }) {
  const { t } = useTranslation()
  const isMoved = from && (from.intent ?? null) !== (example.intent ?? null)
  const isChanged = from && exampleKey(from) !== exampleKey(example)
  const text = !from
    ? t('data.edit.isNew')
    : isRemoved
      ? t('data.edit.isRemoved')
      : isMoved
        ? t('data.edit.isMoved', { intent: example.intent ?? t('data.outOfScope') })
        : isChanged && t('data.edit.isChanged')
  if (!text) return null
  return (
    <Badge variant="light" color="terracotta" tt="none" radius="sm">
      {text}
    </Badge>
  )
}

interface EditorProps {
  example: Example
  intents: string[]
  entities: string[]
  onSet: (example: Example) => void
  onLeave: () => void
}

function Editor({ example, intents, entities, onSet, onLeave }: EditorProps) {
  const { t } = useTranslation()
  const field = useRef<HTMLTextAreaElement>(null)
  useEffect(() => field.current?.focus(), [])
  return (
    <Stack gap="sm" mt="xs" pl="md">
      <MarkEntities
        label={t('data.edit.text')}
        text={example.text}
        entities={example.entities ?? []}
        known={entities}
        textRef={field}
        onChange={(text, marked) => onSet({ ...example, text, entities: marked })}
        onLeave={onLeave}
      />
      <NativeSelect
        size="xs"
        maw={320}
        label={t('data.edit.move')}
        value={example.intent ?? OUT_OF_SCOPE}
        data={intents.map(value => ({
          value,
          label: value === OUT_OF_SCOPE ? t('data.outOfScope') : value,
        }))}
        onChange={event => {
          const { value } = event.currentTarget
          onSet({ ...example, intent: value === OUT_OF_SCOPE ? null : value })
        }}
      />
    </Stack>
  )
}
