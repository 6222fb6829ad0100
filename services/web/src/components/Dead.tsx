/** Pages that are not there, and pages that broke. */
import { Center, Container } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ErrorComponentProps } from '@tanstack/react-router'
import { Landmark } from 'lucide-react'
import { useEffect } from 'react'
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

/** How the error begins that Vite throws when a page's style sheet is not there. */
const NO_STYLE_SHEET = 'Unable to preload CSS'
const RELOADED = 'stoa.reloadedFor'

/** A release takes the files of the one before with it: the console is then loaded anew, once for each file. */
function useReloadAfterRelease(message: string) {
  useEffect(() => {
    // Where the code of a page is not there, the router does the same.
    if (!message.startsWith(NO_STYLE_SHEET) || !navigator.onLine) return
    if (sessionStorage.getItem(RELOADED) === message) return
    sessionStorage.setItem(RELOADED, message)
    location.reload()
  }, [message])
}

export function Crash({ error }: ErrorComponentProps) {
  const { t } = useTranslation()
  useReloadAfterRelease(error instanceof Error ? error.message : '')
  return (
    <Container py="xl">
      <PageHeader title={t('problems.crashTitle')} />
      {/* What could not be loaded is not asked for again before the console is loaded anew. */}
      <ProblemAlert error={error} onRetry={() => location.reload()} />
    </Container>
  )
}
