/** Where the user is signed in, and the way to end it there. */
import { Badge, Button, Group, Table, Text } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { OpenSession } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { notifyDone } from '../../components/notify'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { describeAgent } from './agent'
import { Confirm } from './Confirm'
import { useEndOtherSessions, useEndSession, useSessions, useSignOutEverywhere } from './queries'

export function Sessions() {
  const { t } = useTranslation()
  const sessions = useSessions()
  const end = useEndSession()
  return (
    <Panel id="sessions" title={t('account.sessions')} actions={<EndMany />}>
      <Text c="dimmed" fz="sm" mb="sm">
        {t('account.sessionsText')}
      </Text>
      {end.error && <ProblemAlert error={end.error} />}
      <Loaded query={sessions} skeleton={[120]}>
        {items => (
          <>
            <PanelTable
              caption={t('account.sessions')}
              minWidth={640}
              columns={[
                { label: t('account.program') },
                { label: t('account.address') },
                { label: t('account.begun') },
                { label: t('account.used') },
                { label: t('jobs.action'), ta: 'right' },
              ]}
            >
              {items.map(session => (
                <SessionRow
                  key={session.id}
                  session={session}
                  pending={end.isPending && end.variables === session.id}
                  onEnd={() =>
                    end.mutate(session.id, {
                      onSuccess: () => {
                        focusPanel('sessions')
                        notifyDone(t('account.endDone'))
                      },
                    })
                  }
                />
              ))}
            </PanelTable>
            <More query={sessions} label={t('account.sessions')} />
          </>
        )}
      </Loaded>
    </Panel>
  )
}

interface SessionRowProps {
  session: OpenSession
  pending: boolean
  onEnd: () => void
}

function SessionRow({ session, pending, onEnd }: SessionRowProps) {
  const { t } = useTranslation()
  const { user_agent: agent, address, current } = session
  const name = agent ? describeAgent(agent) : t('account.unknownProgram')
  return (
    <Table.Tr>
      <Table.Th scope="row" title={agent ?? undefined}>
        <Group gap="xs">
          {name}
          {current && (
            <Badge variant="outline" radius="sm" tt="none" fw={600}>
              {t('account.current')}
            </Badge>
          )}
        </Group>
      </Table.Th>
      <Table.Td>{address ?? '–'}</Table.Td>
      <Table.Td>
        <Ago at={session.created_at} />
      </Table.Td>
      <Table.Td>
        <Ago at={session.last_used_at} />
      </Table.Td>
      <Table.Td ta="right">
        {!current && (
          <Button
            size="compact-sm"
            variant="default"
            loading={pending}
            aria-label={t('account.endLabel', { name, address: address ?? '' })}
            onClick={onEnd}
          >
            {t('account.end')}
          </Button>
        )}
      </Table.Td>
    </Table.Tr>
  )
}

/** Ends the others, or all of them. */
function EndMany() {
  const { t } = useTranslation()
  const others = useEndOtherSessions()
  const everywhere = useSignOutEverywhere()
  const [asking, setAsking] = useState<'others' | 'all'>()
  const close = () => setAsking(undefined)
  const confirm = () => {
    if (asking === 'all') return everywhere.mutate()
    others.mutate(undefined, {
      onSuccess: () => {
        close()
        notifyDone(t('account.othersDone'))
      },
    })
  }
  return (
    <Group gap="sm">
      <Button variant="default" onClick={() => setAsking('others')}>
        {t('account.others')}
      </Button>
      <Button variant="default" onClick={() => setAsking('all')}>
        {t('account.everywhere')}
      </Button>
      <Confirm
        opened={asking !== undefined}
        title={asking === 'all' ? t('account.everywhereTitle') : t('account.othersTitle')}
        text={asking === 'all' ? t('account.everywhereText') : t('account.othersText')}
        action={asking === 'all' ? t('account.everywhere') : t('account.others')}
        pending={others.isPending || everywhere.isPending}
        error={asking === 'all' ? everywhere.error : others.error}
        onConfirm={confirm}
        onClose={close}
      />
    </Group>
  )
}
