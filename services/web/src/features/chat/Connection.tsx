/** Whether answers arrive live. */
import { Badge, Tooltip } from '@mantine/core'
import { useTranslation } from 'react-i18next'

export function Connection({ live }: { live: boolean }) {
  const { t } = useTranslation()
  return (
    <Tooltip label={live ? t('chat.liveHint') : t('chat.fallbackHint')}>
      <Badge variant="dot" color={live ? 'teal' : 'gray'} tt="none" size="lg" fw={500}>
        {live ? t('chat.live') : t('chat.fallback')}
      </Badge>
    </Tooltip>
  )
}
