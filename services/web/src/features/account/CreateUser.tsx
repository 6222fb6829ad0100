/** The dialog that makes a user, who signs in with this password. */
import { Button, Group, Modal, PasswordInput, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'
import type { Role } from '../../api/types'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCreateUser } from './queries'
import { RoleSelect } from './RoleSelect'

/** What the API demands of an address. */
const EMAIL = /^[^\s@]+@[^\s@]+$/
/** Characters of the shortest password that the API takes. */
const PASSWORD_LENGTH = 12

interface CreateUserProps {
  opened: boolean
  onClose: () => void
}

export function CreateUser({ opened, onClose }: CreateUserProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('users.new')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <UserForm onClose={onClose} />
    </Modal>
  )
}

function UserForm({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const create = useCreateUser()
  const form = useForm({
    initialValues: { email: '', password: '', role: 'viewer' as Role },
    validate: {
      email: value => (EMAIL.test(value.trim()) ? null : t('users.emailWrong')),
      password: value => ([...value].length >= PASSWORD_LENGTH ? null : t('users.passwordShort')),
    },
  })
  const submit = form.onSubmit(values =>
    create.mutate(
      { ...values, email: values.email.trim() },
      {
        onSuccess: ({ email }) => {
          onClose()
          notifyDone(t('users.createDone', { email }))
        },
      },
    ),
  )
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {create.error && <ProblemAlert error={create.error} />}
        <TextInput
          type="email"
          label={t('users.email')}
          autoComplete="off"
          maxLength={254}
          data-autofocus
          {...form.getInputProps('email')}
        />
        <PasswordInput
          label={t('users.password')}
          description={t('users.passwordHint')}
          autoComplete="new-password"
          maxLength={200}
          {...form.getInputProps('password')}
        />
        <RoleSelect value={form.values.role} onChange={role => form.setFieldValue('role', role)} />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('users.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
