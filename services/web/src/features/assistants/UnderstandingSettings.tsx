/** The dialog for how an assistant understands. A field that is left empty takes its setting back. */
import {
  Button,
  Checkbox,
  Group,
  Modal,
  NumberInput,
  Stack,
  Switch,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { BUILTIN_ENTITIES, useUnderstanding } from './queries'

interface UnderstandingSettingsProps {
  assistant: Assistant
  opened: boolean
  onClose: () => void
}

export function UnderstandingSettings({ assistant, opened, onClose }: UnderstandingSettingsProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('understanding.title')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <UnderstandingForm assistant={assistant} onClose={onClose} />
    </Modal>
  )
}

/** A threshold, or null where the field is empty. */
const threshold = (value: number | string) => (value === '' ? null : Number(value))

function UnderstandingForm({ assistant, onClose }: Omit<UnderstandingSettingsProps, 'opened'>) {
  const { t } = useTranslation()
  const save = useUnderstanding(assistant.id)
  const settings = assistant.understanding ?? {}
  const form = useForm({
    initialValues: {
      timeZone: settings.time_zone ?? '',
      findsAll: !settings.builtin_entities,
      kinds: (settings.builtin_entities ?? BUILTIN_ENTITIES) as string[],
      minConfidence: (settings.min_confidence ?? '') as number | string,
      margin: (settings.ambiguity_margin ?? '') as number | string,
      encoder: settings.encoder ?? false,
    },
  })
  const submit = form.onSubmit(values =>
    save.mutate(
      {
        time_zone: values.timeZone.trim() || null,
        builtin_entities: values.findsAll
          ? null
          : BUILTIN_ENTITIES.filter(kind => values.kinds.includes(kind)),
        min_confidence: threshold(values.minConfidence),
        ambiguity_margin: threshold(values.margin),
        encoder: values.encoder || null,
      },
      {
        onSuccess: () => {
          onClose()
          notifyDone(t('understanding.saved'))
        },
      },
    ),
  )
  const share = { min: 0, max: 1, step: 0.05, decimalScale: 3, clampBehavior: 'strict' as const }
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {save.error && <ProblemAlert error={save.error} />}
        <TextInput
          label={t('understanding.timeZone')}
          description={t('understanding.timeZoneHint')}
          placeholder="UTC"
          maxLength={64}
          data-autofocus
          {...form.getInputProps('timeZone')}
        />
        <Switch
          label={t('understanding.findsAll')}
          {...form.getInputProps('findsAll', { type: 'checkbox' })}
        />
        {!form.values.findsAll && (
          <Checkbox.Group label={t('understanding.kinds')} {...form.getInputProps('kinds')}>
            <Group gap="sm" mt="xs">
              {BUILTIN_ENTITIES.map(kind => (
                <Checkbox key={kind} value={kind} label={t(`understanding.kind.${kind}`)} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
        <NumberInput
          label={t('understanding.minConfidence')}
          description={t('understanding.minConfidenceHint')}
          {...share}
          {...form.getInputProps('minConfidence')}
        />
        <NumberInput
          label={t('understanding.margin')}
          description={t('understanding.marginHint')}
          {...share}
          {...form.getInputProps('margin')}
        />
        <Switch
          label={t('understanding.encoder')}
          description={t('understanding.encoderHint')}
          {...form.getInputProps('encoder', { type: 'checkbox' })}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={save.isPending}>
            {t('app.save')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
