/** The examples of an intent, to be edited one by one. */
import { Button, Card, Group, NativeSelect, Stack, Text, TextInput } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../../components/ButtonLink'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { PageHeader } from '../../components/PageHeader'
import { useUnsaved } from '../../components/useUnsaved'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { intentsOf, OUT_OF_SCOPE } from '../inbox/intents'
import { useCanEdit } from '../session/queries'
import { applyChanges } from './changes'
import { ExampleRow } from './ExampleRow'
import classes from './ExamplesPage.module.css'
import { entitiesOf } from './names'
import { type StoredData, useSaveTrainingData, useStoredData } from './queries'
import { SaveProblem } from './SaveProblem'
import { type Row, useDraft } from './useDraft'

/** Examples shown at a time. */
const SHOWN = 50

export default function ExamplesPage() {
  const { t } = useTranslation()
  const { id, name } = useCurrentAssistant()
  const stored = useStoredData(id)
  return (
    <>
      <PageHeader context={name} title={t('data.edit.title')} intro={t('data.edit.intro')}>
        <ButtonLink
          to="/assistants/$assistantId/data"
          params={{ assistantId: id }}
          variant="default"
        >
          {t('data.edit.back')}
        </ButtonLink>
      </PageHeader>
      <Loaded query={stored} skeleton={[300]}>
        {data => (
          <Examples
            assistantId={id}
            stored={data}
            refetch={async () => (await stored.refetch({ throwOnError: true })).data}
          />
        )}
      </Loaded>
    </>
  )
}

interface ExamplesProps {
  assistantId: string
  stored: StoredData
  refetch: () => Promise<StoredData | undefined>
}

function Examples({ assistantId, stored, refetch }: ExamplesProps) {
  const { t } = useTranslation()
  const canEdit = useCanEdit()
  const navigate = useNavigate()
  const { intent = OUT_OF_SCOPE, find = '' } = useSearch({
    from: '/signed-in/assistants/$assistantId/examples',
  })
  const draft = useDraft(stored)
  const save = useSaveTrainingData(assistantId)
  const [isCatchingUp, setCatchingUp] = useState(false)
  const isSaving = save.isPending || isCatchingUp
  const many = draft.changes.length
  const isDirty = many > 0

  useUnsaved(isDirty, t('data.edit.leave'))

  const store = (base: StoredData) => {
    const { data, operations, missing } = applyChanges(base.data, draft.changes)
    save.mutate(
      { data, operations, tag: base.tag },
      {
        onSuccess: ({ tag }) => {
          draft.accept({ data, tag }, base)
          notifyDone(
            missing ? t('data.edit.savedBeside', { count: missing }) : t('data.edit.saved'),
          )
        },
      },
    )
  }
  const storeOnTop = async () => {
    setCatchingUp(true)
    try {
      const newest = await refetch()
      if (newest) store(newest)
    } catch {
      // The problem of before stays on the page, with the button to try again.
    } finally {
      setCatchingUp(false)
    }
  }
  const intents = [...new Set([...intentsOf(stored.data), intent, OUT_OF_SCOPE])]
  return (
    <Stack>
      <Group justify="space-between" align="flex-end">
        <NativeSelect
          label={t('data.intent')}
          value={intent}
          data={intents.map(value => ({
            value,
            label: value === OUT_OF_SCOPE ? t('data.outOfScope') : value,
          }))}
          onChange={event =>
            navigate({
              to: '/assistants/$assistantId/examples',
              params: { assistantId },
              search: { intent: event.currentTarget.value },
            })
          }
        />
        {canEdit && (
          <Group gap="sm">
            <Text role="status" fz="sm" c="dimmed">
              {t('data.edit.changes', { count: many })}
            </Text>
            <Button
              variant="subtle"
              disabled={!isDirty || save.isPending}
              onClick={() => {
                draft.discard()
                save.reset()
              }}
            >
              {t('data.edit.discard')}
            </Button>
            <Button disabled={!isDirty} loading={isSaving} onClick={() => store(draft.base)}>
              {t('app.save')}
            </Button>
          </Group>
        )}
      </Group>
      {save.error && <SaveProblem error={save.error} busy={isCatchingUp} onTop={storeOnTop} />}
      {/* What is typed while it is being saved would be lost with the draft. */}
      <div inert={isSaving}>
        <ExampleList
          key={`${intent} ${find}`}
          intent={intent === OUT_OF_SCOPE ? null : intent}
          find={find}
          intents={intents}
          entities={entitiesOf(stored.data)}
          rows={draft.rowsOf(intent === OUT_OF_SCOPE ? null : intent)}
          draft={canEdit ? draft : undefined}
        />
      </div>
    </Stack>
  )
}

interface ExampleListProps {
  intent: string | null
  /** What is looked for at first. */
  find: string
  intents: string[]
  entities: string[]
  rows: Row[]
  /** Absent for who may not. */
  draft: ReturnType<typeof useDraft> | undefined
}

function ExampleList({ intent, find, intents, entities, rows, draft }: ExampleListProps) {
  const { t } = useTranslation()
  const [wanted, setWanted] = useState(find)
  const [shown, setShown] = useState(SHOWN)
  const [opened, setOpened] = useState<string>()
  const lower = wanted.trim().toLocaleLowerCase()
  // One that is being edited stays, whatever is typed into it.
  const found = rows.filter(
    ({ id, example }) => id === opened || example.text.toLocaleLowerCase().includes(lower),
  )
  return (
    <Card>
      {draft && (
        <AddExample
          isThere={text => rows.some(({ example }) => example.text === text)}
          onAdd={text => draft.add({ text, intent })}
        />
      )}
      <TextInput
        type="search"
        mb="sm"
        label={t('data.edit.find')}
        value={wanted}
        onChange={event => setWanted(event.currentTarget.value)}
      />
      {found.length === 0 && <Text c="dimmed">{t('data.edit.none')}</Text>}
      <ul className={classes.list} aria-label={t('data.examples')}>
        {/* What was added last stands last: it must not be out of sight. */}
        {found
          .filter(({ from }, index) => index < shown || !from)
          .map(row => (
            <ExampleRow
              key={row.id}
              row={row}
              intents={intents}
              entities={entities}
              isOpen={row.id === opened}
              onOpen={isOpen => setOpened(isOpen ? row.id : undefined)}
              onSet={draft && (example => draft.set(row, example))}
              onRestore={() => draft?.restore(row)}
            />
          ))}
      </ul>
      {found.length > shown && (
        <Button variant="default" mt="sm" onClick={() => setShown(shown + SHOWN)}>
          {t('data.edit.more', { count: found.length - shown })}
        </Button>
      )}
    </Card>
  )
}

interface AddExampleProps {
  isThere: (text: string) => boolean
  onAdd: (text: string) => void
}

function AddExample({ isThere, onAdd }: AddExampleProps) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const text = typed.trim()
  const isDouble = text !== '' && isThere(text)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!text || isDouble) return
    onAdd(text)
    setTyped('')
  }
  return (
    <form onSubmit={submit}>
      <Group align="flex-end" mb="sm">
        <TextInput
          flex={1}
          label={t('data.edit.add')}
          autoComplete="off"
          maxLength={10_000}
          error={isDouble && t('data.edit.double')}
          value={typed}
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" disabled={!text || isDouble}>
          {t('data.edit.addIt')}
        </Button>
      </Group>
    </form>
  )
}
