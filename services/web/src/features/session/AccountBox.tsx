/** Who is signed in, and the way out. */
import { ActionIcon, Box, Group, Text, Tooltip } from '@mantine/core'
import { LogOut } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { mayLeave } from '../../components/useUnsaved'
import { useMe, useSignOut } from './queries'

export function AccountBox() {
  const { t } = useTranslation()
  const me = useMe()
  const signOut = useSignOut()
  return (
    <Group wrap="nowrap" gap="xs" justify="space-between">
      <Box miw={0}>
        <Text fz="sm" fw={500} truncate title={me.data?.email ?? undefined}>
          {me.data?.email ?? '…'}
        </Text>
        <Text fz="xs" c="dimmed" truncate>
          {me.data && `${t(`roles.${me.data.role}`)} · ${me.data.account_name}`}
        </Text>
      </Box>
      <Tooltip label={t('session.signOut')}>
        <ActionIcon
          variant="default"
          size={30}
          aria-label={t('session.signOut')}
          loading={signOut.isPending}
          onClick={() => mayLeave() && signOut.mutate()}
        >
          <LogOut size={16} aria-hidden />
        </ActionIcon>
      </Tooltip>
    </Group>
  )
}
