/** Why edited training data was not stored, and that nothing of it is lost. */
import { Alert, Button, Text } from '@mantine/core'
import { CircleAlert } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { ProblemAlert } from '../../components/ProblemAlert'
import { isOutdated } from './queries'

interface SaveProblemProps {
  error: unknown
  busy: boolean
  /** Does the changes on top of what somebody else has stored. */
  onTop: () => void
}

export function SaveProblem({ error, busy, onTop }: SaveProblemProps) {
  const { t } = useTranslation()
  if (!isOutdated(error)) return <ProblemAlert error={error} />
  return (
    <Alert
      role="alert"
      color="terracotta"
      variant="light"
      title={t('data.edit.outdated')}
      icon={<CircleAlert size={20} aria-hidden />}
    >
      <Text fz="sm" mb="sm">
        {t('data.edit.outdatedText')}
      </Text>
      <Button size="xs" loading={busy} onClick={onTop}>
        {t('data.edit.onTop')}
      </Button>
    </Alert>
  )
}
