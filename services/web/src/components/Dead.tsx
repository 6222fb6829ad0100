/** Pages that are not there, and pages that broke. */
import { Center, Container } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { Landmark } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from './ButtonLink'
import { EmptyState } from './EmptyState'
import { PageHeader } from './PageHeader'
import { ProblemAlert } from './ProblemAlert'

export function NotFound() {
  const { t } = useTranslation()
  useDocumentTitle(`${t('problems.notFoundTitle')} · Stoa`)
  return (
    <Center component="main" mih="100dvh">
      <EmptyState
        icon={Landmark}
        title={t('problems.notFoundTitle')}
        text={t('problems.notFoundText')}
        order={1}
      >
        <ButtonLink to="/">{t('problems.home')}</ButtonLink>
      </EmptyState>
    </Center>
  )
}

export function Crash({ error, reset }: ErrorComponentProps) {
  const { t } = useTranslation()
  return (
    <Container py="xl">
      <PageHeader title={t('problems.crashTitle')} />
      <ProblemAlert error={error} onRetry={reset} />
    </Container>
  )
}
