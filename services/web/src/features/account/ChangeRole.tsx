/** The dialog that gives a user another role. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { User } from '../../api/types'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useMe } from '../session/queries'
import { useChangeRole } from './queries'
import { RoleSelect } from './RoleSelect'

interface ChangeRoleProps {
  /** Whose; nobody's while the dialog is closed. */
  user: User | undefined
  onClose: () => void
}

export function ChangeRole({ user, onClose }: ChangeRoleProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={user !== undefined}
      onClose={onClose}
      title={t('users.changeTitle', { email: user?.email ?? '' })}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      {user && <RoleForm user={user} onClose={onClose} />}
    </Modal>
  )
}

function RoleForm({ user, onClose }: { user: User; onClose: () => void }) {
  const { t } = useTranslation()
  const me = useMe()
  const change = useChangeRole()
  const [role, setRole] = useState(user.role)
  const { id, email } = user
  const submit = () =>
    change.mutate(
      { id, role },
      {
        onSuccess: () => {
          onClose()
          notifyDone(t('users.changeDone', { email, role: t(`roles.${role}`) }))
        },
      },
    )
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack>
        {change.error && <ProblemAlert error={change.error} />}
        <RoleSelect value={role} onChange={setRole} data-autofocus />
        <Text fz="sm">
          {t('users.changeText')} {id === me.data?.id && t('users.ownText')}
        </Text>
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" disabled={role === user.role} loading={change.isPending}>
            {t('app.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
