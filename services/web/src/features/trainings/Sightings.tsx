/** What was seen of the versions of a rollout. */
import { Button, Stack, Table, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Agreement, Answers, Disagreement, Rollout, Understood } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Figures } from '../../components/Figures'
import { PanelTable } from '../../components/Panel'
import { useFormat } from '../../i18n/format'
import { valueText } from '../chat/valueText'

/** Disagreements that are added at a time. */
const STEP = 10

export function Sightings({ rollout }: { rollout: Rollout }) {
  const { t } = useTranslation()
  const { active_model: version, canary, shadow, seen } = rollout
  const compared = seen.shadow.agreed + seen.shadow.disagreed
  return (
    <Stack gap="md">
      <Title order={3} fz="lg">
        {t('rollout.seen')}
      </Title>
      {seen.active.total + seen.canary.total + compared === 0 ? (
        <Text c="dimmed">{t('rollout.nothingSeen')}</Text>
      ) : (
        <>
          <PanelTable
            caption={t('rollout.answers')}
            minWidth={420}
            columns={[
              { label: t('rollout.version') },
              { label: t('rollout.answers'), ta: 'right' },
              { label: t('rollout.outOfScope'), ta: 'right' },
              { label: t('rollout.outOfScopeShare'), ta: 'right' },
            ]}
          >
            <AnswersRow name={t('rollout.activeVersion', { version })} answers={seen.active} />
            {canary && (
              <AnswersRow
                name={t('rollout.canaryIs', { version: canary.version })}
                answers={seen.canary}
              />
            )}
          </PanelTable>
          {shadow && <Compared agreement={seen.shadow} />}
        </>
      )}
    </Stack>
  )
}

/** A share in percent; none of nothing. */
function useShare() {
  const format = useFormat()
  return (part: number, whole: number) => (whole === 0 ? '–' : format.percent(part / whole, 1))
}

function AnswersRow({ name, answers }: { name: string; answers: Answers }) {
  const format = useFormat()
  const share = useShare()
  const { total, out_of_scope } = answers
  return (
    <Table.Tr>
      <Table.Th scope="row">{name}</Table.Th>
      <Table.Td ta="right">{format.number(total)}</Table.Td>
      <Table.Td ta="right">{format.number(out_of_scope)}</Table.Td>
      <Table.Td ta="right">{share(out_of_scope, total)}</Table.Td>
    </Table.Tr>
  )
}

function Compared({ agreement }: { agreement: Agreement }) {
  const { t } = useTranslation()
  const format = useFormat()
  const share = useShare()
  const { agreed, disagreed, disagreements } = agreement
  return (
    <>
      <Title order={4} fz="md">
        {t('rollout.agreement')}
      </Title>
      <Figures
        figures={[
          {
            name: t('rollout.agreedShare'),
            value: share(agreed, agreed + disagreed),
            hint: t('rollout.agreedHint'),
            main: true,
          },
          { name: t('rollout.compared'), value: format.number(agreed + disagreed) },
          { name: t('rollout.agreed'), value: format.number(agreed) },
          { name: t('rollout.disagreed'), value: format.number(disagreed) },
        ]}
      />
      {disagreements.length > 0 && <Disagreements items={disagreements} />}
      {disagreed > 0 && disagreements.length === 0 && (
        <Text fz="sm" c="dimmed">
          {t('rollout.notCollected')}
        </Text>
      )}
    </>
  )
}

function Disagreements({ items }: { items: Disagreement[] }) {
  const { t } = useTranslation()
  const [shown, setShown] = useState(STEP)
  return (
    <>
      <Title order={4} fz="md">
        {t('rollout.disagreements')}
      </Title>
      <PanelTable
        caption={t('rollout.disagreements')}
        minWidth={680}
        columns={[
          { label: t('rollout.utterance') },
          { label: t('rollout.activeSaid') },
          { label: t('rollout.shadowSaid') },
          { label: t('rollout.said') },
        ]}
      >
        {items.slice(0, shown).map(({ text, at, active, shadow }) => (
          <Table.Tr key={`${at} ${text}`}>
            <Table.Td style={{ overflowWrap: 'anywhere' }}>{text}</Table.Td>
            <Table.Td>
              <Understanding understood={active} />
            </Table.Td>
            <Table.Td>
              <Understanding understood={shadow} />
            </Table.Td>
            <Table.Td>
              <Ago at={at} />
            </Table.Td>
          </Table.Tr>
        ))}
      </PanelTable>
      {items.length > shown && (
        <div>
          <Button variant="default" size="compact-sm" onClick={() => setShown(shown + STEP)}>
            {t('app.more')}
          </Button>
        </div>
      )}
    </>
  )
}

/** The intent, and below it the entities: two versions may differ in these alone. */
function Understanding({ understood }: { understood: Understood }) {
  const { t } = useTranslation()
  const format = useFormat()
  const { intent, entities } = understood
  return (
    <>
      {t('rollout.sure', {
        name: intent.name ?? t('rollout.noIntent'),
        percent: format.percent(intent.confidence),
      })}
      {entities.map(({ start, entity, role, value }) => (
        <Text key={`${start} ${entity}`} fz="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          {entity}
          {role && ` · ${role}`}: {valueText(value)}
        </Text>
      ))}
    </>
  )
}
