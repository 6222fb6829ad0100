/** The users of the account: made, seen, given another role, deleted. */
import { Badge, Button, Group, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { User } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { notifyDone } from '../../components/notify'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { useMe } from '../session/queries'
import { ChangeRole } from './ChangeRole'
import { Confirm } from './Confirm'
import { CreateUser } from './CreateUser'
import { useDeleteUser, useUsers } from './queries'

export function Users() {
  const { t } = useTranslation()
  const users = useUsers()
  const [creating, { open, close }] = useDisclosure()
  const [changing, setChanging] = useState<User>()
  const [deleting, setDeleting] = useState<User>()
  const create = (
    <Button leftSection={<Plus size={18} aria-hidden />} onClick={open}>
      {t('users.new')}
    </Button>
  )
  return (
    <Panel id="users" title={t('users.title')} actions={create}>
      <Text c="dimmed" fz="sm" mb="sm">
        {t('users.text')}
      </Text>
      <Loaded query={users} skeleton={[120]}>
        {items =>
          items.length === 0 ? (
            <Text c="dimmed">{t('users.empty')}</Text>
          ) : (
            <>
              <UserTable items={items} onChange={setChanging} onDelete={setDeleting} />
              <More query={users} label={t('users.title')} />
            </>
          )
        }
      </Loaded>
      <CreateUser opened={creating} onClose={close} />
      <ChangeRole user={changing} onClose={() => setChanging(undefined)} />
      <DeleteUser user={deleting} onClose={() => setDeleting(undefined)} />
    </Panel>
  )
}

interface UserTableProps {
  items: User[]
  onChange: (user: User) => void
  onDelete: (user: User) => void
}

function UserTable({ items, onChange, onDelete }: UserTableProps) {
  const { t } = useTranslation()
  return (
    <PanelTable
      caption={t('users.title')}
      minWidth={640}
      columns={[
        { label: t('users.email') },
        { label: t('users.role') },
        { label: t('users.created') },
        { label: t('jobs.action'), ta: 'right' },
      ]}
    >
      {items.map(user => (
        <UserRow
          key={user.id}
          user={user}
          onChange={() => onChange(user)}
          onDelete={() => onDelete(user)}
        />
      ))}
    </PanelTable>
  )
}

interface UserRowProps {
  user: User
  onChange: () => void
  onDelete: () => void
}

function UserRow({ user, onChange, onDelete }: UserRowProps) {
  const { t } = useTranslation()
  const me = useMe()
  const { id, email, role, created_at } = user
  return (
    <Table.Tr>
      <Table.Th scope="row" style={{ overflowWrap: 'anywhere' }}>
        <Group gap="xs">
          {email}
          {id === me.data?.id && (
            <Badge variant="outline" radius="sm" tt="none" fw={600}>
              {t('users.you')}
            </Badge>
          )}
        </Group>
      </Table.Th>
      <Table.Td>{t(`roles.${role}`)}</Table.Td>
      <Table.Td>
        <Ago at={created_at} />
      </Table.Td>
      <Table.Td ta="right">
        <Group gap="xs" justify="flex-end">
          <Button
            size="compact-sm"
            variant="default"
            aria-label={t('users.changeLabel', { email })}
            onClick={onChange}
          >
            {t('users.change')}
          </Button>
          <Button
            size="compact-sm"
            variant="default"
            aria-label={t('users.deleteLabel', { email })}
            onClick={onDelete}
          >
            {t('users.delete')}
          </Button>
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}

function DeleteUser({ user, onClose }: { user: User | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const me = useMe()
  const remove = useDeleteUser()
  const email = user?.email ?? ''
  const close = () => {
    remove.reset()
    onClose()
  }
  const confirm = () => {
    if (!user) return
    remove.mutate(user.id, {
      onSuccess: () => {
        focusPanel('users', { fromDialog: true })
        close()
        notifyDone(t('users.deleteDone', { email }))
      },
    })
  }
  const texts = [t('users.deleteText'), user?.id === me.data?.id && t('users.ownText')]
  return (
    <Confirm
      opened={user !== undefined}
      title={t('users.deleteTitle', { email })}
      text={texts.filter(Boolean).join(' ')}
      action={t('users.delete')}
      pending={remove.isPending}
      error={remove.error}
      onConfirm={confirm}
      onClose={close}
    />
  )
}
