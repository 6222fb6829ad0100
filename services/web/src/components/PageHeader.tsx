/** The heading of a page, which is the document's title too, and what can be done on it. */
import { Box, Group, Text, Title } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ReactNode } from 'react'

interface PageHeaderProps {
  title: string
  intro?: string
  /** Stands above the title: where this page belongs. */
  context?: string | undefined
  children?: ReactNode
}

export function PageHeader({ title, intro, context, children }: PageHeaderProps) {
  useDocumentTitle([title, context, 'Stoa'].filter(Boolean).join(' · '))
  return (
    <Group justify="space-between" align="flex-end" mb="xl" gap="md">
      <Box maw={640}>
        {context && (
          <Text fz="sm" fw={600} c="var(--stoa-accent)" mb={2}>
            {context}
          </Text>
        )}
        <Title order={1} fz={{ base: 28, sm: 34 }} lh={1.15}>
          {title}
        </Title>
        {intro && (
          <Text c="dimmed" mt={6}>
            {intro}
          </Text>
        )}
      </Box>
      {children && <Group gap="sm">{children}</Group>}
    </Group>
  )
}
