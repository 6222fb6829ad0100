/** One engine of the list: its place, and of a Rasa server where it answers and how long it may take. */
import {
  ActionIcon,
  Checkbox,
  Fieldset,
  Group,
  NumberInput,
  PasswordInput,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import { ArrowDown, ArrowUp, type LucideIcon, X } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Engine } from '../../api/types'
import { isTokenKept } from './engines'
import type { EnginesForm } from './useEnginesForm'

interface EngineFieldsProps {
  form: EnginesForm
  index: number
  stored: Engine[]
  onMove: (to: number, name: string) => void
  onRemove: (name: string) => void
}

export function EngineFields({ form, index, stored, onMove, onRemove }: EngineFieldsProps) {
  const { t } = useTranslation()
  const { engines } = form.values
  const engine = engines[index]
  if (!engine) return null
  const isMl = engine.kind === 'ml'
  const name = isMl ? t('engines.ml') : engine.url.trim() || t('engines.rasa')
  const sort = t(isMl ? 'engines.ml' : 'engines.rasa')
  return (
    <li>
      <Fieldset legend={t('engines.place', { place: index + 1, name: sort })}>
        <Group justify="flex-end" gap={6}>
          {isMl && (
            <Text fz="sm" c="dimmed" mr="auto">
              {t('engines.mlText')}
            </Text>
          )}
          <Act
            icon={ArrowUp}
            label={t('engines.up', { name })}
            isIdle={index === 0}
            onAct={() => onMove(index - 1, name)}
          />
          <Act
            icon={ArrowDown}
            label={t('engines.down', { name })}
            isIdle={index === engines.length - 1}
            onAct={() => onMove(index + 1, name)}
          />
          <Act
            icon={X}
            label={t('engines.remove', { name })}
            isIdle={engines.length === 1}
            onAct={() => onRemove(name)}
          />
        </Group>
        {!isMl && <RasaFields form={form} index={index} isKept={isTokenKept(stored, engine.url)} />}
      </Fieldset>
    </li>
  )
}

interface ActProps {
  icon: LucideIcon
  label: string
  /** It does nothing here, but keeps the focus: a disabled button would lose it at the end of the list. */
  isIdle: boolean
  onAct: () => void
}

function Act({ icon: Icon, label, isIdle, onAct }: ActProps) {
  return (
    <ActionIcon
      variant="default"
      aria-label={label}
      title={label}
      aria-disabled={isIdle}
      data-disabled={isIdle || undefined}
      onClick={() => isIdle || onAct()}
    >
      <Icon size={16} aria-hidden />
    </ActionIcon>
  )
}

interface RasaFieldsProps {
  form: EnginesForm
  index: number
  /** Whether the server keeps a token for the URL. */
  isKept: boolean
}

function RasaFields({ form, index, isKept }: RasaFieldsProps) {
  const { t } = useTranslation()
  const at = `engines.${index}`
  const takesBack = isKept && form.values.engines[index]?.takesTokenBack
  return (
    <Stack gap="sm">
      <TextInput
        type="url"
        label={t('engines.url')}
        description={t('engines.urlHint')}
        autoComplete="off"
        maxLength={2000}
        {...form.getInputProps(`${at}.url`)}
      />
      <PasswordInput
        label={t('engines.token')}
        description={t(isKept && !takesBack ? 'engines.tokenKept' : 'engines.tokenHint')}
        autoComplete="new-password"
        maxLength={500}
        disabled={takesBack}
        {...form.getInputProps(`${at}.token`)}
      />
      {isKept && (
        <Checkbox
          label={t('engines.tokenTakeBack')}
          {...form.getInputProps(`${at}.takesTokenBack`, { type: 'checkbox' })}
        />
      )}
      <NumberInput
        label={t('engines.timeout')}
        description={t('engines.timeoutHint')}
        min={50}
        max={5000}
        step={50}
        allowDecimal={false}
        {...form.getInputProps(`${at}.timeoutMs`)}
      />
    </Stack>
  )
}
