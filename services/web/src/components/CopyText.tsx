/** A button that copies a text, and says whether it could: browsers let only pages that came over HTTPS do so. */
import { Button, type ButtonProps } from '@mantine/core'
import { useClipboard } from '@mantine/hooks'
import { useTranslation } from 'react-i18next'

interface CopyTextProps extends ButtonProps {
  value: string
  'aria-label'?: string
  /** What it says before. */
  children: string
}

export function CopyText({ value, children, ...button }: CopyTextProps) {
  const { t } = useTranslation()
  const { copy, copied, error } = useClipboard()
  const outcome = error ? t('app.notCopied') : copied && t('app.copied')
  return (
    <Button {...button} onClick={() => copy(value)}>
      <span role="status">{outcome || children}</span>
    </Button>
  )
}
