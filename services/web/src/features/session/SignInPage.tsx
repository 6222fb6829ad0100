/** The sign-in. */
import {
  Alert,
  Box,
  Button,
  Divider,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { useDocumentTitle } from '@mantine/hooks'
import { useRouter, useSearch } from '@tanstack/react-router'
import { useTranslation } from 'react-i18next'
import { asProblem } from '../../api/problem'
import { Logo } from '../../components/Logo'
import { Portico } from '../../components/Portico'
import { Preferences } from '../../components/Preferences'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useBeginOidc, useOidc, useSignIn } from './queries'
import classes from './SignInPage.module.css'

export default function SignInPage() {
  const { t } = useTranslation()
  const { redirect } = useSearch({ from: '/sign-in' })
  useDocumentTitle(`${t('session.title')} · Stoa`)
  return (
    <div className={classes.root}>
      <main className={classes.panel}>
        <Box className={classes.top}>
          <Logo size={32} />
          <Box w={150}>
            <Preferences />
          </Box>
        </Box>
        <Box className={classes.form}>
          <Title order={1} fz={36} lh={1.15}>
            {t('session.title')}
          </Title>
          <Text c="dimmed" mt={6} mb="xl">
            {redirect ? t('session.expired') : t('session.intro')}
          </Text>
          <SignInForm />
          <Provider />
        </Box>
        <Text fz="sm" c="dimmed" maw={380}>
          {t('session.quote')}
        </Text>
      </main>
      <div className={classes.picture}>
        <Portico />
      </div>
    </div>
  )
}

function SignInForm() {
  const { t } = useTranslation()
  const router = useRouter()
  const { redirect } = useSearch({ from: '/sign-in' })
  const signIn = useSignIn()
  const form = useForm({
    initialValues: { email: '', password: '' },
    validate: {
      email: value => (value.trim() ? null : t('session.emailMissing')),
      password: value => (value ? null : t('session.passwordMissing')),
    },
  })
  const submit = form.onSubmit(values =>
    signIn.mutate(
      { ...values, email: values.email.trim() },
      { onSuccess: () => router.history.replace(redirect ?? '/') },
    ),
  )
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {signIn.error && <SignInProblem error={signIn.error} />}
        <TextInput
          label={t('session.email')}
          type="email"
          autoComplete="username"
          size="md"
          data-autofocus
          {...form.getInputProps('email')}
        />
        <PasswordInput
          label={t('session.password')}
          autoComplete="current-password"
          size="md"
          {...form.getInputProps('password')}
        />
        <Button type="submit" size="md" mt="xs" loading={signIn.isPending}>
          {t('session.submit')}
        </Button>
      </Stack>
    </form>
  )
}

/** The way in through a provider, where there is one. */
function Provider() {
  const { t } = useTranslation()
  const { redirect } = useSearch({ from: '/sign-in' })
  const oidc = useOidc()
  const begin = useBeginOidc(redirect ?? '/')
  if (!oidc.data?.enabled) return null
  return (
    <Stack mt="lg">
      <Divider label={t('session.or')} />
      {begin.error && <ProblemAlert error={begin.error} />}
      <Button variant="default" size="md" loading={begin.isPending} onClick={() => begin.mutate()}>
        {t('session.oidc', { name: oidc.data.name })}
      </Button>
    </Stack>
  )
}

function SignInProblem({ error }: { error: Error }) {
  const { t } = useTranslation()
  if (asProblem(error).code !== 'unauthenticated') return <ProblemAlert error={error} />
  return (
    <Alert role="alert" color="red" variant="light">
      {t('session.wrong')}
    </Alert>
  )
}
