/** The way to the next page of a list; nothing after the last one. */
import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'

interface MoreProps {
  query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }
  /** What there is more of, where a page has several lists. */
  label?: string
}

export function More({ query, label }: MoreProps) {
  const { t } = useTranslation()
  if (!query.hasNextPage) return null
  return (
    <Button
      variant="default"
      mt="md"
      aria-label={label && `${t('app.more')}: ${label}`}
      loading={query.isFetchingNextPage}
      onClick={() => query.fetchNextPage()}
    >
      {t('app.more')}
    </Button>
  )
}
