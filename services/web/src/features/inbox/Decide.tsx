/** What can be said of one utterance. */
import { Button, Card, Checkbox, Group, Kbd, Stack, Text, TextInput, Title } from '@mantine/core'
import { type FormEvent, type Ref, useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { InboxItem, LabelInboxItem } from '../../api/types'
import { Ago } from '../../components/Ago'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFormat } from '../../i18n/format'
import type { Annotation } from '../trainingData/annotations'
import { MarkEntities } from '../trainingData/MarkEntities'
import { MarkedText } from '../trainingData/MarkedText'
import { entitiesOf } from '../trainingData/names'
import { useTrainingData } from '../trainingData/queries'
import { intentsOf, OUT_OF_SCOPE } from './intents'

interface DecideProps {
  assistantId: string
  item: InboxItem
  /** Whether it has left the list by what was done elsewhere. */
  isGone: boolean
  /** What is marked in it. */
  entities: Annotation[]
  wordsRef: Ref<HTMLTextAreaElement>
  onMark: (entities: Annotation[]) => void
  otherRef: Ref<HTMLInputElement>
  busy: boolean
  /** Absent for who may not. */
  onSay: ((label: LabelInboxItem) => void) | undefined
  /** Back to the list. */
  onLeave: () => void
}

export function Decide(props: DecideProps) {
  const { t } = useTranslation()
  const { assistantId, item, isGone, entities, wordsRef, onMark, otherRef, busy, onSay, onLeave } =
    props
  const known = useTrainingData(assistantId)
  return (
    <Card component="section" aria-labelledby="decide">
      <Text fz="lg" fw={600} style={{ overflowWrap: 'anywhere', whiteSpace: 'pre-wrap' }}>
        <MarkedText text={item.text} entities={entities} />
      </Text>
      <Text fz="sm" c="dimmed" mb="md">
        {t('inbox.seen', { count: item.seen })} · {t('inbox.last')} <Ago at={item.last_at} /> ·{' '}
        {t('inbox.model', { version: item.model_version })}
      </Text>
      <Text role="status" fz="sm" fw={600}>
        {isGone && t('inbox.gone')}
      </Text>
      <Title order={2} fz="lg" id="decide" mb="sm">
        {t(onSay ? 'inbox.decide' : 'inbox.guesses')}
      </Title>
      <Guesses item={item} busy={busy} onSay={onSay} />
      {onSay && (
        <Stack gap="md" mt="md">
          {known.error && <ProblemAlert error={known.error} onRetry={() => known.refetch()} />}
          <MarkEntities
            label={t('inbox.mark')}
            text={item.text}
            entities={entities}
            known={entitiesOf(known.data)}
            isFixed
            textRef={wordsRef}
            onChange={(_, marked) => onMark(marked)}
            onLeave={onLeave}
          />
          <OtherIntent
            assistantId={assistantId}
            inputRef={otherRef}
            busy={busy}
            onSay={onSay}
            onLeave={onLeave}
          />
          <Group gap="sm">
            <Button
              variant="default"
              disabled={busy}
              aria-keyshortcuts="O"
              rightSection={<Kbd size="xs">O</Kbd>}
              onClick={() => onSay({ intent: OUT_OF_SCOPE })}
            >
              {t('inbox.outOfScope')}
            </Button>
            <Button
              variant="default"
              disabled={busy}
              aria-keyshortcuts="D"
              rightSection={<Kbd size="xs">D</Kbd>}
              onClick={() => onSay({ dismiss: true })}
            >
              {t('inbox.dismiss')}
            </Button>
          </Group>
          <Text fz="xs" c="dimmed" id="inbox-keys">
            <b>{t('inbox.keys')}:</b> {t('inbox.keysText')}
          </Text>
        </Stack>
      )}
    </Card>
  )
}

function Guesses({ item, busy, onSay }: Pick<DecideProps, 'item' | 'busy' | 'onSay'>) {
  const { t } = useTranslation()
  const format = useFormat()
  if (item.guesses.length === 0) return <Text c="dimmed">{t('inbox.noGuess')}</Text>
  return (
    <Stack gap={6} align="flex-start">
      {item.guesses.map(({ name, confidence }, index) => {
        const text = t('inbox.guess', { name, percent: format.percent(confidence) })
        if (!onSay) return <Text key={name}>{text}</Text>
        return (
          <Button
            key={name}
            variant={index === 0 ? 'filled' : 'default'}
            disabled={busy}
            aria-keyshortcuts={String(index + 1)}
            leftSection={<Kbd size="xs">{index + 1}</Kbd>}
            onClick={() => onSay({ intent: name })}
          >
            {text}
          </Button>
        )
      })}
    </Stack>
  )
}

interface OtherIntentProps {
  assistantId: string
  inputRef: Ref<HTMLInputElement>
  busy: boolean
  onSay: (label: LabelInboxItem) => void
  onLeave: () => void
}

function OtherIntent({ assistantId, inputRef, busy, onSay, onLeave }: OtherIntentProps) {
  const { t } = useTranslation()
  const { data } = useTrainingData(assistantId)
  const intents = intentsOf(data)
  const choices = useId()
  const [typed, setTyped] = useState('')
  const [isNew, setIsNew] = useState(false)
  const name = typed.trim()
  const isKnown = intents.includes(name) || name === OUT_OF_SCOPE
  const isNamedNew = data !== undefined && name !== '' && isNew
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isKnown) onSay({ intent: name })
    else if (isNamedNew) onSay({ intent: name, create_intent: true })
  }
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" gap="sm">
        <TextInput
          ref={inputRef}
          flex={1}
          miw={180}
          label={t('inbox.other')}
          description={t('inbox.otherHint')}
          list={choices}
          autoComplete="off"
          maxLength={200}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
          onKeyDown={event => event.key === 'Escape' && onLeave()}
        />
        <datalist id={choices}>
          {intents.map(intent => (
            <option key={intent} value={intent} />
          ))}
        </datalist>
        <Button type="submit" disabled={busy || !(isKnown || isNamedNew)}>
          {t('inbox.label')}
        </Button>
      </Group>
      {/* Before it is known which there are, none is new. */}
      {name && data && !isKnown && (
        <Checkbox
          mt="xs"
          label={t('inbox.isNew', { name })}
          checked={isNew}
          onChange={event => setIsNew(event.currentTarget.checked)}
        />
      )}
    </form>
  )
}
