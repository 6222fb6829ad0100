/** Where the provider leads back to: ends the sign-in, or says why it cannot. */
import { Alert, Box, Loader, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { asProblem } from '../../api/problem'
import { ButtonLink } from '../../components/ButtonLink'
import { Logo } from '../../components/Logo'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFinishOidc } from './queries'

export default function OidcPage() {
  const { t } = useTranslation()
  const router = useRouter()
  const search = useSearch({ from: '/sign-in/oidc' })
  const finished = useFinishOidc(search)
  useDocumentTitle(`${t('session.title')} · Stoa`)
  const { data: redirect } = finished
  useEffect(() => {
    if (redirect) router.history.replace(redirect)
  }, [redirect, router])
  return (
    <Box component="main" maw={460} mx="auto" px="md" py={64}>
      <Stack>
        <Logo size={32} />
        <Title order={1} fz={30}>
          {t('session.title')}
        </Title>
        {finished.error ? (
          <>
            <Refusal error={finished.error} />
            <ButtonLink to="/sign-in">{t('session.back')}</ButtonLink>
          </>
        ) : (
          <Text c="dimmed" role="status">
            <Loader size="xs" mr="xs" aria-hidden />
            {t('session.oidcBusy')}
          </Text>
        )}
      </Stack>
    </Box>
  )
}

function Refusal({ error }: { error: Error }) {
  const { t } = useTranslation()
  const { code } = asProblem(error)
  if (code !== 'unauthenticated' && code !== 'forbidden') return <ProblemAlert error={error} />
  return (
    <Alert role="alert" color="red" variant="light">
      {t(code === 'forbidden' ? 'session.oidcStranger' : 'session.oidcFailed')}
    </Alert>
  )
}
