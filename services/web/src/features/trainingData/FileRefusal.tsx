/** Why a file is not sent at all. */
import { Alert } from '@mantine/core'
import { CircleAlert } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Refusal } from './files'

export interface RefusedFile {
  name: string
  reason: Refusal
}

export function FileRefusal({ file: { name, reason } }: { file: RefusedFile }) {
  const { t } = useTranslation()
  return (
    <Alert role="alert" color="red" icon={<CircleAlert size={20} aria-hidden />}>
      {t(`data.${reason}`, { name })}
    </Alert>
  )
}
