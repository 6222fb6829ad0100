/** The frame of every page behind the sign-in: navigation at the side, the page in the middle. */
import { AppShell, Box, Burger, Divider, Group, Stack, UnstyledButton } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link, Outlet, useParams, useRouterState } from '@tanstack/react-router'
import { KeyRound, LayoutGrid, ListChecks } from 'lucide-react'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { AccountBox } from '../features/session/AccountBox'
import { UnknownUser } from '../features/session/UnknownUser'
import { AssistantNavigation } from './AssistantNavigation'
import { Logo } from './Logo'
import { NavigationLink } from './NavigationLink'
import { Preferences } from './Preferences'
import classes from './Shell.module.css'

export function Shell() {
  const { t } = useTranslation()
  const [opened, { toggle, close }] = useDisclosure()
  const { assistantId } = useParams({ strict: false })
  const path = useRouterState({ select: state => state.location.pathname })

  // On a narrow screen the menu covers the page: it gives way when the page changes.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what triggers it.
  useEffect(close, [path])

  return (
    <AppShell
      header={{ height: { base: 56, sm: 0 } }}
      navbar={{ width: 248, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', sm: 'xl' }}
    >
      <a className="skip-link" href="#page">
        {t('app.skip')}
      </a>
      <AppShell.Header hiddenFrom="sm" px="md">
        <Group h="100%" justify="space-between">
          <Logo size={26} />
          <Burger opened={opened} onClick={toggle} aria-label={t('app.menu')} size="sm" />
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="md" className={classes.navbar} aria-label={t('app.navigation')}>
        <UnstyledButton component={Link} to="/" mb="xl" mt={4} visibleFrom="sm" aria-label="Stoa">
          <Logo />
        </UnstyledButton>
        <Stack gap={2} flex={1}>
          <NavigationLink
            to="/"
            icon={LayoutGrid}
            label={t('assistants.title')}
            activeOptions={{ exact: true }}
          />
          <NavigationLink to="/jobs" icon={ListChecks} label={t('jobs.title')} />
          <NavigationLink to="/account" icon={KeyRound} label={t('account.title')} />
          {assistantId && <AssistantNavigation assistantId={assistantId} />}
        </Stack>
        <Divider my="md" />
        <Stack gap="md">
          <AccountBox />
          <Preferences />
        </Stack>
      </AppShell.Navbar>
      <AppShell.Main id="page" tabIndex={-1} className={classes.main}>
        <Box maw={1120} mx="auto">
          <UnknownUser />
          <Outlet />
        </Box>
      </AppShell.Main>
    </AppShell>
  )
}
