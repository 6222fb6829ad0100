/** Says why nothing can be changed while the server does not say who is signed in. */
import { Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useMe } from './queries'

export function UnknownUser() {
  const { t } = useTranslation()
  const me = useMe()
  if (!me.isError || me.data) return null
  return (
    <Stack gap="xs" mb="xl">
      <ProblemAlert error={me.error} onRetry={() => me.refetch()} />
      <Text fz="sm">{t('session.unknown')}</Text>
    </Stack>
  )
}
