/** The shadow: which version is asked as well, and its end. */
import { Button, Group, Stack, Text, Title } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyDone } from '../../components/notify'
import { ChooseVersion } from './ChooseVersion'
import type { TrialProps } from './trial'

export function TryShadow({ rollout, versions, update, busy }: TrialProps) {
  const { t } = useTranslation()
  const { shadow } = rollout
  const end = () =>
    update?.mutate({ shadow: null }, { onSuccess: () => notifyDone(t('rollout.shadowEnded')) })
  return (
    <section aria-labelledby="shadow">
      <Title order={3} fz="lg" id="shadow">
        {t('rollout.shadow')}
      </Title>
      <Text fz="sm" c="dimmed" mb="xs">
        {t('rollout.shadowText')}
      </Text>
      <Text mb="sm">
        {shadow ? t('rollout.shadowNow', { version: shadow.version }) : t('rollout.shadowNone')}
      </Text>
      {update && (
        <Stack gap="sm">
          <Choice {...{ rollout, versions, update, busy }} />
          {shadow && (
            <Group>
              <Button variant="default" disabled={busy} onClick={end}>
                {t('rollout.endShadow')}
              </Button>
            </Group>
          )}
        </Stack>
      )}
    </section>
  )
}

interface ChoiceProps extends TrialProps {
  update: NonNullable<TrialProps['update']>
}

function Choice({ rollout, versions, update, busy }: ChoiceProps) {
  const { t } = useTranslation()
  const { shadow } = rollout
  // What is not picked follows the server, which others change too.
  const [picked, setPicked] = useState<number>()
  const version = picked ?? shadow?.version ?? 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    update.mutate(
      { shadow: { version } },
      {
        onSuccess: () => {
          setPicked(undefined)
          notifyDone(t('rollout.shadowStarted', { version }))
        },
      },
    )
  }
  return (
    <form onSubmit={submit} noValidate>
      <Group align="flex-end" gap="sm">
        <ChooseVersion
          label={t('rollout.shadowVersion')}
          value={version}
          versions={versions}
          isTried={Boolean(shadow)}
          onChoose={setPicked}
        />
        <Button type="submit" disabled={!version || version === shadow?.version} loading={busy}>
          {t(shadow ? 'rollout.changeShadow' : 'rollout.startShadow')}
        </Button>
      </Group>
    </form>
  )
}
