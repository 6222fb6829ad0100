/** Asks before something is ended for good. */
import { Button, Group, Modal, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { ProblemAlert } from '../../components/ProblemAlert'

interface ConfirmProps {
  opened: boolean
  title: string
  text: string
  action: string
  pending: boolean
  error: Error | null
  onConfirm: () => void
  onClose: () => void
}

export function Confirm({ opened, title, text, action, pending, ...props }: ConfirmProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={props.onClose}
      title={title}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <Stack>
        {props.error && <ProblemAlert error={props.error} />}
        <Text fz="sm">{text}</Text>
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={props.onClose} data-autofocus>
            {t('app.cancel')}
          </Button>
          <Button color="red" loading={pending} onClick={props.onConfirm}>
            {action}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
