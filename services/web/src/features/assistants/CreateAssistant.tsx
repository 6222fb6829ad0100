/** The dialog that makes a new assistant and opens it. */
import { Button, Group, Modal, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { ASSISTANT_LANGUAGES, useCreateAssistant } from './queries'

interface CreateAssistantProps {
  opened: boolean
  onClose: () => void
}

export function CreateAssistant({ opened, onClose }: CreateAssistantProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('assistants.createTitle')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <CreateForm onClose={onClose} />
    </Modal>
  )
}

function CreateForm({ onClose }: { onClose: () => void }) {
  const { t, i18n } = useTranslation()
  const navigate = useNavigate()
  const create = useCreateAssistant()
  const form = useForm({
    initialValues: { name: '', language: i18n.language },
    validate: { name: value => (value.trim() ? null : t('assistants.nameMissing')) },
  })
  const languages = useMemo(() => {
    const names = new Intl.DisplayNames(i18n.language, { type: 'language' })
    return ASSISTANT_LANGUAGES.map(value => ({ value, label: names.of(value) ?? value }))
  }, [i18n.language])
  const submit = form.onSubmit(values =>
    create.mutate(
      { ...values, name: values.name.trim() },
      {
        onSuccess: ({ id, name }) => {
          onClose()
          notifyDone(t('assistants.created', { name }))
          void navigate({ to: '/assistants/$assistantId', params: { assistantId: id } })
        },
      },
    ),
  )
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {create.error && <ProblemAlert error={create.error} />}
        <TextInput
          label={t('assistants.name')}
          description={t('assistants.nameHint')}
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <NativeSelect
          label={t('assistants.language')}
          data={languages}
          {...form.getInputProps('language')}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('assistants.createSubmit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
