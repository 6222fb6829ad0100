/** The canary: which version it is, how much it answers, and its end, good or bad. */
import { Button, Group, NumberInput, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Rollout } from '../../api/types'
import { notifyDone } from '../../components/notify'
import { useFormat } from '../../i18n/format'
import { ChooseVersion } from './ChooseVersion'
import type { useActivateModel } from './queries'
import type { TrialProps } from './trial'

/** Little is lost while it may still be worse. */
const FIRST_WEIGHT = 10

interface TryCanaryProps extends TrialProps {
  activate: ReturnType<typeof useActivateModel>
}

export function TryCanary({ rollout, versions, update, busy, activate }: TryCanaryProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { canary } = rollout
  return (
    <section aria-labelledby="canary">
      <Title order={3} fz="lg" id="canary">
        {t('rollout.canary')}
      </Title>
      <Text fz="sm" c="dimmed" mb="xs">
        {t('rollout.canaryText')}
      </Text>
      <Text mb="sm">
        {canary
          ? t('rollout.canaryNow', {
              version: canary.version,
              percent: format.percent(canary.weight / 100),
            })
          : t('rollout.canaryNone')}
      </Text>
      {update && (
        <Stack gap="sm">
          <Choice rollout={rollout} versions={versions} update={update} busy={busy} />
          {canary && <Ends canary={canary} {...{ update, activate, busy }} />}
        </Stack>
      )}
    </section>
  )
}

type Update = NonNullable<TrialProps['update']>

interface ChoiceProps extends TrialProps {
  update: Update
}

function Choice({ rollout, versions, update, busy }: ChoiceProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { canary } = rollout
  // What is not picked follows the server, which others change too.
  const [picked, setPicked] = useState<{ version?: number; weight?: number | string }>({})
  const version = picked.version ?? canary?.version ?? 0
  const weight = Number(picked.weight ?? canary?.weight ?? FIRST_WEIGHT)
  const isSame = version === canary?.version && weight === canary.weight
  const submit = (event: FormEvent) => {
    event.preventDefault()
    update.mutate(
      { canary: { version, weight } },
      {
        onSuccess: () => {
          setPicked({})
          notifyDone(t('rollout.canaryStarted', { version, percent: format.percent(weight / 100) }))
        },
      },
    )
  }
  return (
    <form onSubmit={submit} noValidate>
      <Group align="flex-end" gap="sm">
        <ChooseVersion
          label={t('rollout.canaryVersion')}
          value={version}
          versions={versions}
          isTried={Boolean(canary)}
          onChoose={version => setPicked({ ...picked, version })}
        />
        <NumberInput
          label={t('rollout.weight')}
          w={230}
          min={1}
          max={99}
          allowDecimal={false}
          clampBehavior="strict"
          value={picked.weight ?? weight}
          onChange={value => setPicked({ ...picked, weight: value })}
        />
        <Button type="submit" disabled={!version || !weight || isSame} loading={busy}>
          {t(canary ? 'rollout.changeCanary' : 'rollout.startCanary')}
        </Button>
      </Group>
    </form>
  )
}

interface EndsProps {
  canary: NonNullable<Rollout['canary']>
  update: Update
  activate: ReturnType<typeof useActivateModel>
  busy: boolean
}

function Ends({ canary, update, activate, busy }: EndsProps) {
  const { t } = useTranslation()
  const { version } = canary
  const end = () =>
    update.mutate({ canary: null }, { onSuccess: () => notifyDone(t('rollout.canaryEnded')) })
  // The server ends the trial of a version that becomes the active one.
  const promote = () =>
    activate.mutate(version, {
      onSuccess: () => notifyDone(t('training.activated', { version })),
    })
  return (
    <Group gap="sm">
      <Button variant="default" disabled={busy} onClick={end}>
        {t('rollout.endCanary')}
      </Button>
      <Button variant="light" disabled={busy} title={t('rollout.promoteHint')} onClick={promote}>
        {t('rollout.promote', { version })}
      </Button>
    </Group>
  )
}
