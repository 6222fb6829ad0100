/** Ends what is under way, by the job that does it. */
import { Button, Stack } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCanEdit } from '../session/queries'
import { useCancelJob } from './queries'

interface CancelRunProps {
  /** The job; null for what was started before the server said which. */
  jobId: string | null | undefined
  label: string
}

export function CancelRun({ jobId, label }: CancelRunProps) {
  const { t } = useTranslation()
  const cancel = useCancelJob()
  const canEdit = useCanEdit()
  if (!jobId || !canEdit) return null
  return (
    <Stack gap="sm" align="flex-start">
      {cancel.error && <ProblemAlert error={cancel.error} />}
      <Button
        size="compact-sm"
        variant="default"
        loading={cancel.isPending}
        // Told, it has a few seconds to end by itself.
        disabled={cancel.isSuccess}
        onClick={() => cancel.mutate(jobId, { onSuccess: () => notifyDone(t('jobs.cancelDone')) })}
      >
        {label}
      </Button>
    </Stack>
  )
}
