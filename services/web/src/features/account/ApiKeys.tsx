/** The keys of programs: made, seen, revoked. */
import { Button, Code, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Plus } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { ApiKey } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { notifyDone } from '../../components/notify'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { useFormat } from '../../i18n/format'
import { useAllAssistants } from '../assistants/queries'
import { Confirm } from './Confirm'
import { CreateApiKey } from './CreateApiKey'
import { useApiKeys, useRevokeApiKey } from './queries'

export function ApiKeys() {
  const { t } = useTranslation()
  const apiKeys = useApiKeys()
  const [creating, { open, close }] = useDisclosure()
  const [revoking, setRevoking] = useState<ApiKey>()
  const create = (
    <Button leftSection={<Plus size={18} aria-hidden />} onClick={open}>
      {t('account.newKey')}
    </Button>
  )
  return (
    <Panel id="api-keys" title={t('account.keys')} actions={create}>
      <Text c="dimmed" fz="sm" mb="sm">
        {t('account.keysText')}
      </Text>
      <Loaded query={apiKeys} skeleton={[120]}>
        {items =>
          items.length === 0 ? (
            <Text c="dimmed">{t('account.keysEmpty')}</Text>
          ) : (
            <>
              <KeyTable items={items} onRevoke={setRevoking} />
              <More query={apiKeys} label={t('account.keys')} />
            </>
          )
        }
      </Loaded>
      <CreateApiKey opened={creating} onClose={close} />
      <RevokeApiKey apiKey={revoking} onClose={() => setRevoking(undefined)} />
    </Panel>
  )
}

interface KeyTableProps {
  items: ApiKey[]
  onRevoke: (apiKey: ApiKey) => void
}

function KeyTable({ items, onRevoke }: KeyTableProps) {
  const { t } = useTranslation()
  return (
    <PanelTable
      caption={t('account.keys')}
      minWidth={760}
      columns={[
        { label: t('account.key') },
        { label: t('account.may') },
        { label: t('account.expires') },
        { label: t('account.used') },
        { label: t('jobs.action'), ta: 'right' },
      ]}
    >
      {items.map(apiKey => (
        <KeyRow key={apiKey.id} apiKey={apiKey} onRevoke={() => onRevoke(apiKey)} />
      ))}
    </PanelTable>
  )
}

function KeyRow({ apiKey, onRevoke }: { apiKey: ApiKey; onRevoke: () => void }) {
  const { t } = useTranslation()
  const format = useFormat()
  const assistants = useAllAssistants()
  const { name, prefix, role, assistant_id: id, expires_at: expires, last_used_at: used } = apiKey
  const assistant = id && (assistants.data?.find(one => one.id === id)?.name ?? id.slice(-8))
  const scopes = apiKey.scopes?.map(scope => t(`account.scopes.${scope}`)).join(', ')
  const ended = expires != null && Date.parse(expires) <= Date.now()
  return (
    <Table.Tr>
      <Table.Th scope="row">
        {name} <Code>{prefix}…</Code>
      </Table.Th>
      <Table.Td>
        {t(`roles.${role}`)}
        <Text fz="xs" c="dimmed">
          {[scopes, assistant].filter(Boolean).join(' · ')}
        </Text>
      </Table.Td>
      <Table.Td>
        {ended && t('account.expired')}
        {!ended && (expires ? format.time(expires) : t('app.never'))}
      </Table.Td>
      <Table.Td>{used ? <Ago at={used} /> : t('app.never')}</Table.Td>
      <Table.Td ta="right">
        <Button
          size="compact-sm"
          variant="default"
          aria-label={t('account.revokeLabel', { name })}
          onClick={onRevoke}
        >
          {t('account.revoke')}
        </Button>
      </Table.Td>
    </Table.Tr>
  )
}

function RevokeApiKey({ apiKey, onClose }: { apiKey: ApiKey | undefined; onClose: () => void }) {
  const { t } = useTranslation()
  const revoke = useRevokeApiKey()
  const name = apiKey?.name ?? ''
  const close = () => {
    revoke.reset()
    onClose()
  }
  const confirm = () => {
    if (!apiKey) return
    revoke.mutate(apiKey.id, {
      onSuccess: () => {
        focusPanel('api-keys', { fromDialog: true })
        close()
        notifyDone(t('account.revokeDone', { name }))
      },
    })
  }
  return (
    <Confirm
      opened={apiKey !== undefined}
      title={t('account.revokeTitle', { name })}
      text={t('account.revokeText')}
      action={t('account.revoke')}
      pending={revoke.isPending}
      error={revoke.error}
      onConfirm={confirm}
      onClose={close}
    />
  )
}
