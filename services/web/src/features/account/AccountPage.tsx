/** What belongs to the user and to the account: where they are signed in, the other users, and the keys of programs. */
import { Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { PageHeader } from '../../components/PageHeader'
import { useIsOwner, useMe } from '../session/queries'
import { ApiKeys } from './ApiKeys'
import { Sessions } from './Sessions'
import { Users } from './Users'

export default function AccountPage() {
  const { t } = useTranslation()
  const me = useMe()
  const isOwner = useIsOwner()
  return (
    <>
      <PageHeader
        title={t('account.title')}
        intro={t('account.intro')}
        context={me.data?.account_name}
      />
      <Stack gap="xl">
        <Sessions />
        {isOwner && (
          <>
            <Users />
            <ApiKeys />
          </>
        )}
      </Stack>
    </>
  )
}
