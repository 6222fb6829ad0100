/** The mark: a pediment on three columns, on a step of terracotta. */
import { Group, Text } from '@mantine/core'

interface MarkProps {
  size?: number
}

function Mark({ size = 28 }: MarkProps) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--mantine-color-aegean-8)" />
      <path d="M16 6 5.5 11.6v1.6h21v-1.6z" fill="#fff" />
      <path d="M8 15h2.6v8.4H8zM14.7 15h2.6v8.4h-2.6zM21.4 15H24v8.4h-2.6z" fill="#fff" />
      <path d="M6 24.6h20v1.9H6z" fill="var(--mantine-color-terracotta-3)" />
    </svg>
  )
}

export function Logo({ size = 28 }: MarkProps) {
  return (
    <Group gap={10} wrap="nowrap">
      <Mark size={size} />
      <Text component="span" ff="var(--stoa-serif)" fw={600} fz={size * 0.82} lh={1} lts="0.01em">
        Stoa
      </Text>
    </Group>
  )
}
