/** Language and light or dark. */
import {
  ActionIcon,
  Group,
  NativeSelect,
  Tooltip,
  useComputedColorScheme,
  useMantineColorScheme,
} from '@mantine/core'
import { Moon, Sun } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { changeLanguage, LANGUAGES, type Language } from '../i18n'

export function Preferences() {
  const { t, i18n } = useTranslation()
  const { setColorScheme } = useMantineColorScheme()
  const isDark = useComputedColorScheme('light') === 'dark'
  const schemeLabel = isDark ? t('preferences.light') : t('preferences.dark')
  return (
    <Group gap="xs" wrap="nowrap">
      <NativeSelect
        size="xs"
        flex={1}
        aria-label={t('preferences.language')}
        data={[...LANGUAGES]}
        value={i18n.language}
        onChange={event => changeLanguage(event.currentTarget.value as Language)}
      />
      <Tooltip label={schemeLabel}>
        <ActionIcon
          variant="default"
          size={30}
          aria-label={schemeLabel}
          onClick={() => setColorScheme(isDark ? 'light' : 'dark')}
        >
          {isDark ? <Sun size={16} aria-hidden /> : <Moon size={16} aria-hidden />}
        </ActionIcon>
      </Tooltip>
    </Group>
  )
}
