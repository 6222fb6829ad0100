/** The dialog that deletes an assistant once its name has been typed. */
import { Button, Group, Modal, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useDeleteAssistant } from './queries'

interface DeleteAssistantProps {
  assistant: Assistant
  opened: boolean
  onClose: () => void
  onDeleted?: (() => void) | undefined
}

export function DeleteAssistant({ opened, ...props }: DeleteAssistantProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={props.onClose}
      title={t('assistants.deleteTitle', { name: props.assistant.name })}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <DeleteForm {...props} />
    </Modal>
  )
}

function DeleteForm({ assistant, onClose, onDeleted }: Omit<DeleteAssistantProps, 'opened'>) {
  const { t } = useTranslation()
  const [typed, setTyped] = useState('')
  const remove = useDeleteAssistant(assistant.id)
  const confirmed = typed.trim() === assistant.name
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!confirmed) return
    remove.mutate(undefined, {
      onSuccess: () => {
        onClose()
        notifyDone(t('assistants.deleted', { name: assistant.name }))
        onDeleted?.()
      },
    })
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        {remove.error && <ProblemAlert error={remove.error} />}
        <Text fz="sm">{t('assistants.deleteText')}</Text>
        <TextInput
          label={t('assistants.deleteConfirm')}
          description={assistant.name}
          value={typed}
          data-autofocus
          autoComplete="off"
          onChange={event => setTyped(event.currentTarget.value)}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" color="red" disabled={!confirmed} loading={remove.isPending}>
            {t('assistants.delete')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
