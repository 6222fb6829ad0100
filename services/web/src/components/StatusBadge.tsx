/** How far work is, in a word and a colour. */
import { Badge } from '@mantine/core'
import type { Training } from '../api/types'

type Status = Training['status']

const COLORS: Record<Status, string> = {
  queued: 'gray',
  running: 'terracotta',
  succeeded: 'aegean',
  failed: 'red',
}

export function StatusBadge({ status, label }: { status: Status; label: string }) {
  return (
    <Badge variant="outline" color={COLORS[status]} radius="sm" tt="none" fw={600}>
      {label}
    </Badge>
  )
}
