/** The dialog for who understands what is said to an assistant, and in which order they are asked. */
import { Button, Group, Modal, Stack, Text, VisuallyHidden } from '@mantine/core'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { asProblem } from '../../api/problem'
import type { Assistant, Engine } from '../../api/types'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { EngineFields } from './EngineFields'
import classes from './EnginesSettings.module.css'
import { ENGINES_LIMIT, fieldErrors, newDraft, toUpdate } from './engines'
import { useEngines, useUpdateEngines } from './queries'
import { useEnginesForm } from './useEnginesForm'

interface EnginesSettingsProps {
  assistant: Assistant
  opened: boolean
  onClose: () => void
}

export function EnginesSettings({ assistant, opened, onClose }: EnginesSettingsProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      size="lg"
      title={t('engines.title')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <Stored assistantId={assistant.id} onClose={onClose} />
    </Modal>
  )
}

interface StoredProps {
  assistantId: string
  onClose: () => void
}

function Stored({ assistantId, onClose }: StoredProps) {
  const engines = useEngines(assistantId)
  return (
    <Loaded query={engines} skeleton={[90, 180]}>
      {stored => (
        <EnginesForm assistantId={assistantId} stored={stored.engines} onClose={onClose} />
      )}
    </Loaded>
  )
}

interface EnginesFormProps extends StoredProps {
  stored: Engine[]
}

function EnginesForm({ assistantId, stored, onClose }: EnginesFormProps) {
  const { t } = useTranslation()
  const save = useUpdateEngines(assistantId)
  const list = useRef<HTMLOListElement>(null)
  const [done, setDone] = useState('')
  const form = useEnginesForm(stored)
  const { engines } = form.values
  const submit = form.onSubmit(values =>
    save.mutate(
      values.engines.map(draft => toUpdate(draft, stored)),
      {
        onSuccess: () => {
          onClose()
          notifyDone(t('engines.saved'))
        },
        onError: error => form.setErrors(fieldErrors(asProblem(error).problem?.errors)),
      },
    ),
  )
  const move = (from: number, to: number, name: string) => {
    form.reorderListItem('engines', { from, to })
    setDone(t('engines.moved', { name, place: to + 1 }))
  }
  const remove = (index: number, name: string) => {
    form.removeListItem('engines', index)
    setDone(t('engines.removed', { name }))
    // The button that had the focus is gone.
    list.current?.focus()
  }
  const add = (kind: Engine['kind']) => form.insertListItem('engines', newDraft(kind, engines))
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {save.error && <ProblemAlert error={save.error} />}
        <Text fz="sm">
          {t('engines.text')} {t('engines.told')}
        </Text>
        <ol ref={list} className={classes.list} tabIndex={-1} aria-label={t('engines.list')}>
          {engines.map((engine, index) => (
            <EngineFields
              key={engine.key}
              form={form}
              index={index}
              stored={stored}
              onMove={(to, name) => move(index, to, name)}
              onRemove={name => remove(index, name)}
            />
          ))}
        </ol>
        <VisuallyHidden role="status">{done}</VisuallyHidden>
        <AddEngine
          hasMl={engines.some(({ kind }) => kind === 'ml')}
          isFull={engines.length >= ENGINES_LIMIT}
          onAdd={add}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {t('app.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface AddEngineProps {
  hasMl: boolean
  isFull: boolean
  onAdd: (kind: Engine['kind']) => void
}

function AddEngine({ hasMl, isFull, onAdd }: AddEngineProps) {
  const { t } = useTranslation()
  return (
    <Group gap="sm">
      <Button variant="default" disabled={isFull} onClick={() => onAdd('rasa')}>
        {t('engines.addRasa')}
      </Button>
      {!hasMl && (
        <Button variant="default" disabled={isFull} onClick={() => onAdd('ml')}>
          {t('engines.addMl')}
        </Button>
      )}
      {isFull && (
        <Text fz="sm" c="dimmed">
          {t('engines.full')}
        </Text>
      )}
    </Group>
  )
}
