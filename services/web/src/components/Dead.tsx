/** Pages that are not there, and pages that broke. */
import { Container } from '@mantine/core'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { Landmark } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from './ButtonLink'
import { EmptyState } from './EmptyState'
import { PageHeader } from './PageHeader'
import { ProblemAlert } from './ProblemAlert'

export function NotFound() {
  const { t } = useTranslation()
  return (
    <Container component="main" py="xl">
      <PageHeader title={t('problems.notFoundTitle')} />
      <EmptyState icon={Landmark} title={t('problems.notFoundText')}>
        <ButtonLink to="/">{t('problems.home')}</ButtonLink>
      </EmptyState>
    </Container>
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
