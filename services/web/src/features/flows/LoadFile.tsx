/** Loads flows from a file into the editor. What is not saved there gives way only to who says so. */
import { Button, FileButton } from '@mantine/core'
import { useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type { RefusedFile } from '../trainingData/FileRefusal'
import { readTextFile } from '../trainingData/files'

interface LoadFileProps {
  /** Whether something in the editor is not saved. */
  isChanged: boolean
  onLoad: (text: string) => void
  onRefuse: (file: RefusedFile) => void
}

export function LoadFile({ isChanged, onLoad, onRefuse }: LoadFileProps) {
  const { t } = useTranslation()
  const reset = useRef<() => void>(null)
  const load = async (file: File | null) => {
    // Else the same file, mended, could not be chosen again.
    reset.current?.()
    if (!file || (isChanged && !window.confirm(t('flows.replace')))) return
    const read = await readTextFile(file)
    if (typeof read === 'string') onRefuse({ name: file.name, reason: read })
    else onLoad(read.text)
  }
  return (
    <FileButton accept=".yml,.yaml,.json" onChange={load} resetRef={reset}>
      {button => (
        <Button {...button} variant="default">
          {t('flows.upload')}
        </Button>
      )}
    </FileButton>
  )
}
