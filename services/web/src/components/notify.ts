/** Short messages in the corner for what has been done. */
import { notifications } from '@mantine/notifications'
import i18next from 'i18next'

export function notifyDone(message: string) {
  notifications.show({
    message,
    color: 'aegean',
    autoClose: 4000,
    closeButtonProps: { 'aria-label': i18next.t('app.close') },
  })
}
