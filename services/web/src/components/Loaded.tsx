/** The states of a query: loading, failed, there; and there, but not as it is now. */
import { Box, Skeleton, Stack, VisuallyHidden } from '@mantine/core'
import type { UseQueryResult } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import { ProblemAlert } from './ProblemAlert'

interface LoadedProps<T> {
  query: UseQueryResult<T>
  /** Heights in pixels of what stands there while it loads. */
  skeleton?: number[]
  children: (data: T) => ReactNode
}

export function Loaded<T>({ query, skeleton = [96, 96, 96], children }: LoadedProps<T>) {
  const { t } = useTranslation()
  const problem = query.isError && (
    <ProblemAlert error={query.error} onRetry={() => query.refetch()} />
  )
  if (query.data !== undefined) {
    return (
      <>
        {problem && <Box mb="md">{problem}</Box>}
        {children(query.data)}
      </>
    )
  }
  if (problem) return problem
  return (
    <Stack aria-busy="true">
      <VisuallyHidden role="status">{t('app.loading')}</VisuallyHidden>
      {skeleton.map((height, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the list never changes.
        <Skeleton key={index} height={height} radius="lg" />
      ))}
    </Stack>
  )
}
