/** An error as the user sees it: what happened, where, what to do, and the trace for the operator. */
import { Alert, Button, Code, Group, List, Text } from '@mantine/core'
import { CircleAlert } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { asProblem } from '../api/problem'
import { useProblemText } from './useProblemText'

interface ProblemAlertProps {
  error: unknown
  onRetry?: (() => void) | undefined
}

export function ProblemAlert({ error, onRetry }: ProblemAlertProps) {
  const { t } = useTranslation()
  const { problem } = asProblem(error)
  const { title, detail, hint } = useProblemText(error)
  return (
    <Alert
      role="alert"
      color="red"
      variant="light"
      title={title}
      icon={<CircleAlert size={20} aria-hidden="true" />}
    >
      {detail && detail !== title && <Text fz="sm">{detail}</Text>}
      {problem?.errors && problem.errors.length > 0 && (
        <List fz="sm" my={4}>
          {problem.errors.map(({ pointer, message }) => (
            <List.Item key={`${pointer} ${message}`}>
              {pointer && <Code>{pointer}</Code>} {message}
            </List.Item>
          ))}
        </List>
      )}
      <Text fz="sm" c="dimmed">
        {hint}
      </Text>
      {(onRetry || problem?.trace_id) && (
        <Group mt="xs" gap="md">
          {onRetry && (
            <Button size="xs" variant="default" onClick={onRetry}>
              {t('app.retry')}
            </Button>
          )}
          {problem?.trace_id && (
            <Text fz="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
              {t('problems.trace', { id: problem.trace_id })}
            </Text>
          )}
        </Group>
      )}
    </Alert>
  )
}
