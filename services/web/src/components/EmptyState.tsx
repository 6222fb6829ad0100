/** What stands where nothing is yet: says so, and what to do next. */
import { Box, Stack, Text, Title } from '@mantine/core'
import type { LucideIcon } from 'lucide-react'
import type { ReactNode } from 'react'

interface EmptyStateProps {
  icon: LucideIcon
  title: string
  text?: string
  /** The level of the heading; the second below a page's own. */
  order?: 1 | 2
  children?: ReactNode
}

export function EmptyState({ icon: Icon, title, text, order = 2, children }: EmptyStateProps) {
  return (
    <Stack align="center" gap="sm" py={48} px="md" ta="center">
      <Box c="var(--stoa-accent)">
        <Icon size={36} strokeWidth={1.4} aria-hidden="true" />
      </Box>
      <Title order={order} fz={order === 1 ? 30 : 'xl'}>
        {title}
      </Title>
      {text && (
        <Text c="dimmed" maw={440}>
          {text}
        </Text>
      )}
      {children && <Box mt="sm">{children}</Box>}
    </Stack>
  )
}
