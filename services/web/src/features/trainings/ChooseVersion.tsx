/** Chooses which version is tried; nothing is chosen until there is one. */
import { NativeSelect } from '@mantine/core'
import { useTranslation } from 'react-i18next'

interface ChooseVersionProps {
  label: string
  /** 0 while none is chosen. */
  value: number
  versions: number[]
  /** Whether one is tried already, so that there is no going back to none. */
  isTried: boolean
  onChoose: (version: number) => void
}

export function ChooseVersion({ label, value, versions, isTried, onChoose }: ChooseVersionProps) {
  const { t } = useTranslation()
  return (
    <NativeSelect
      label={label}
      value={value}
      data={[
        ...(isTried ? [] : [{ value: '0', label: t('rollout.choose') }]),
        ...versions.map(version => ({
          value: String(version),
          label: t('assistants.version', { version }),
        })),
      ]}
      onChange={event => onChoose(Number(event.currentTarget.value))}
    />
  )
}
