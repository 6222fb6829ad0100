/** The history of the training data: who changed what and when, and the way back. */
import { Button, Card, Group, NativeSelect, Stack, Table, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { TrainingDataRevision } from '../../api/types'
import { Ago } from '../../components/Ago'
import { ButtonLink } from '../../components/ButtonLink'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { PageHeader } from '../../components/PageHeader'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFormat } from '../../i18n/format'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { useCanEdit } from '../session/queries'
import { DifferenceLists } from './DifferenceLists'
import { useRestoreRevision, useRevisions } from './revisions'

export default function HistoryPage() {
  const { t } = useTranslation()
  const { id, name } = useCurrentAssistant()
  const revisions = useRevisions(id)
  return (
    <>
      <PageHeader context={name} title={t('data.history.title')} intro={t('data.history.intro')}>
        <ButtonLink
          to="/assistants/$assistantId/data"
          params={{ assistantId: id }}
          variant="default"
        >
          {t('data.edit.back')}
        </ButtonLink>
      </PageHeader>
      <Loaded query={revisions} skeleton={[300]}>
        {items =>
          items.length === 0 ? (
            <Card>
              <Text c="dimmed">{t('data.emptyTitle')}</Text>
            </Card>
          ) : (
            <Stack gap="xl">
              <Revisions assistantId={id} revisions={items} />
              {items.length > 1 && <Compare assistantId={id} revisions={items} />}
            </Stack>
          )
        }
      </Loaded>
    </>
  )
}

interface RevisionsProps {
  assistantId: string
  revisions: TrainingDataRevision[]
}

function Revisions({ assistantId, revisions }: RevisionsProps) {
  const { t } = useTranslation()
  const canEdit = useCanEdit()
  const restore = useRestoreRevision(assistantId)
  const latest = revisions[0]?.version ?? 0
  const goBack = (version: number) =>
    restore.mutate(
      { version, latest },
      {
        onSuccess: made => {
          focusPanel('revisions')
          notifyDone(t('data.history.restored', { version, made: made.version }))
        },
      },
    )
  const columns = [
    { label: t('data.history.revision') },
    { label: t('data.history.by') },
    { label: t('data.history.when') },
    { label: t('data.examples'), ta: 'right' as const },
    { label: t('data.history.intents'), ta: 'right' as const },
    { label: t('data.entities'), ta: 'right' as const },
    { label: t('data.history.back') },
  ]
  return (
    <Panel id="revisions" title={t('data.history.list')}>
      {restore.error && <ProblemAlert error={restore.error} />}
      <PanelTable caption={t('data.history.list')} minWidth={720} columns={columns}>
        {revisions.map((revision, index) => (
          <Table.Tr key={revision.version}>
            <Table.Td>
              {revision.version}
              {revision.restored_from != null && (
                <Text fz="xs" c="dimmed">
                  {t('data.history.from', { version: revision.restored_from })}
                </Text>
              )}
            </Table.Td>
            <Table.Td>{revision.created_by_name ?? t('data.history.gone')}</Table.Td>
            <Table.Td>
              <Ago at={revision.created_at} />
            </Table.Td>
            {(['examples', 'intents', 'entities'] as const).map(key => (
              <Table.Td key={key} ta="right">
                <Count now={revision[key]} before={revisions[index + 1]?.[key]} />
              </Table.Td>
            ))}
            <Table.Td>
              {revision.version === latest
                ? t('data.history.latest')
                : canEdit && (
                    <Button
                      size="compact-sm"
                      variant="default"
                      loading={restore.isPending && restore.variables.version === revision.version}
                      disabled={restore.isPending}
                      onClick={() => goBack(revision.version)}
                    >
                      {t('data.history.restore', { version: revision.version })}
                    </Button>
                  )}
            </Table.Td>
          </Table.Tr>
        ))}
      </PanelTable>
    </Panel>
  )
}

/** A number, and by how much it is another than before. */
function Count({ now, before = now }: { now: number; before: number | undefined }) {
  const format = useFormat()
  const change = now - before
  return (
    <>
      {format.number(now)}
      {change !== 0 && (
        <Text span fz="xs" c="dimmed" ml={6}>
          {change > 0 ? '+' : '−'}
          {format.number(Math.abs(change))}
        </Text>
      )}
    </>
  )
}

function Compare({ assistantId, revisions }: RevisionsProps) {
  const { t } = useTranslation()
  const versions = revisions.map(({ version }) => version)
  const [picked, setPicked] = useState<{ from?: number; to?: number }>({})
  const to = picked.to ?? versions[0] ?? 0
  const from = picked.from ?? versions[1] ?? 0
  return (
    <Card component="section" aria-labelledby="compare">
      <Title order={2} fz="xl" id="compare" mb="sm">
        {t('data.history.compare')}
      </Title>
      <Group mb="md">
        <NativeSelect
          label={t('data.history.before')}
          data={versions.map(String)}
          value={String(from)}
          onChange={event => setPicked({ to, from: Number(event.currentTarget.value) })}
        />
        <NativeSelect
          label={t('data.history.after')}
          data={versions.map(String)}
          value={String(to)}
          onChange={event => setPicked({ from, to: Number(event.currentTarget.value) })}
        />
      </Group>
      <DifferenceLists assistantId={assistantId} from={from} to={to} />
    </Card>
  )
}
