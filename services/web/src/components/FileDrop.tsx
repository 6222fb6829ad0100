/** A place to drop a file on, or to choose one with mouse or keyboard. */
import { Button, FileButton, Stack, Text } from '@mantine/core'
import { FileUp } from 'lucide-react'
import { type DragEvent, useRef, useState } from 'react'
import classes from './FileDrop.module.css'

interface FileDropProps {
  accept: string
  title: string
  hint: string
  choose: string
  disabled: boolean
  loading: boolean
  onFile: (file: File) => void
}

export function FileDrop(props: FileDropProps) {
  const { accept, title, hint, choose, disabled, loading, onFile } = props
  const [over, setOver] = useState(false)
  const reset = useRef<() => void>(null)

  const drag = (inside: boolean) => (event: DragEvent) => {
    event.preventDefault()
    setOver(inside)
  }
  const pick = (file: File | null | undefined) => {
    // Else the same file, mended, could not be chosen again.
    reset.current?.()
    if (file && !disabled && !loading) onFile(file)
  }
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    pick(event.dataTransfer.files[0])
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is for the mouse only; the button does the same for everyone.
    <div
      className={classes.root}
      data-over={over}
      onDragEnter={drag(true)}
      onDragOver={drag(true)}
      onDragLeave={drag(false)}
      onDrop={drop}
    >
      <Stack align="center" gap={6}>
        <FileUp size={30} strokeWidth={1.4} className={classes.icon} aria-hidden="true" />
        <Text fw={600}>{title}</Text>
        <Text fz="sm" c="dimmed">
          {hint}
        </Text>
        <FileButton accept={accept} onChange={pick} resetRef={reset} disabled={disabled}>
          {button => (
            <Button {...button} mt="xs" variant="default" loading={loading} disabled={disabled}>
              {choose}
            </Button>
          )}
        </FileButton>
      </Stack>
    </div>
  )
}
