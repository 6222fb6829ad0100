/** Short messages in the corner for what has been done. */
import { notifications } from '@mantine/notifications'

export function notifyDone(message: string) {
  notifications.show({ message, color: 'aegean', autoClose: 4000 })
}
