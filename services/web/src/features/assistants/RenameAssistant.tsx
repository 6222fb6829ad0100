/** The dialog that renames an assistant. */
import { Button, Group, Modal, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useRenameAssistant } from './queries'

interface RenameAssistantProps {
  assistant: Assistant
  opened: boolean
  onClose: () => void
}

export function RenameAssistant({ assistant, opened, onClose }: RenameAssistantProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('assistants.renameTitle')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <RenameForm assistant={assistant} onClose={onClose} />
    </Modal>
  )
}

function RenameForm({ assistant, onClose }: Omit<RenameAssistantProps, 'opened'>) {
  const { t } = useTranslation()
  const rename = useRenameAssistant(assistant.id)
  const form = useForm({
    initialValues: { name: assistant.name },
    validate: { name: value => (value.trim() ? null : t('assistants.nameMissing')) },
  })
  const submit = form.onSubmit(values =>
    rename.mutate(values.name.trim(), {
      onSuccess: ({ name }) => {
        onClose()
        notifyDone(t('assistants.renamed', { name }))
      },
    }),
  )
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {rename.error && <ProblemAlert error={rename.error} />}
        <TextInput
          label={t('assistants.name')}
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={rename.isPending}>
            {t('app.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
