/** How far work is that goes on elsewhere. */
import { Group, Progress, Text } from '@mantine/core'
import { useFormat } from '../i18n/format'

interface LiveProgressProps {
  /** 0 to 1. */
  progress: number
  /** Whether it moves, or still waits. */
  running: boolean
  label: string
}

export function LiveProgress({ progress, running, label }: LiveProgressProps) {
  const format = useFormat()
  return (
    <Group wrap="nowrap">
      <Progress.Root size="lg" flex={1} radius="xl" transitionDuration={300}>
        <Progress.Section
          value={progress * 100}
          animated={running}
          color="aegean"
          aria-label={label}
        />
      </Progress.Root>
      <Text fz="sm" fw={600} w={44} ta="right" style={{ fontVariantNumeric: 'tabular-nums' }}>
        {format.percent(progress)}
      </Text>
    </Group>
  )
}
