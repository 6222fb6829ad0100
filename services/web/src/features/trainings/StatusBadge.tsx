/** How far a training is, in a word and a colour. */
import { Badge } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Training } from '../../api/types'

const COLORS: Record<Training['status'], string> = {
  queued: 'gray',
  running: 'terracotta',
  succeeded: 'aegean',
  failed: 'red',
}

export function StatusBadge({ status }: { status: Training['status'] }) {
  const { t } = useTranslation()
  return (
    <Badge variant="outline" color={COLORS[status]} radius="sm" tt="none" fw={600}>
      {t(`training.status.${status}`)}
    </Badge>
  )
}
