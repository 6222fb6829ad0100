/** A text area with line numbers, marked lines, and a way to go to a place. */
import {
  type KeyboardEvent,
  type Ref,
  type UIEvent,
  useImperativeHandle,
  useMemo,
  useRef,
} from 'react'
import classes from './CodeEditor.module.css'
import { offsetOf } from './position'

/** As in the style sheet. */
const LINE_HEIGHT = 21

export interface CodeEditorHandle {
  /** Puts the cursor at a place and shows it; lines and columns count from 1. */
  goTo: (line: number, column: number) => void
}

interface CodeEditorProps {
  ref: Ref<CodeEditorHandle>
  label: string
  value: string
  placeholder: string
  readOnly: boolean
  errorLines: ReadonlySet<number>
  onChange: (value: string) => void
  onSave: () => void
}

export function CodeEditor(props: CodeEditorProps) {
  const { ref, label, value, placeholder, readOnly, errorLines, onChange, onSave } = props
  const area = useRef<HTMLTextAreaElement>(null)
  const gutter = useRef<HTMLDivElement>(null)
  const lines = useMemo(() => value.split('\n').length, [value])

  useImperativeHandle(
    ref,
    () => ({
      goTo: (line, column) => {
        const element = area.current
        if (!element) return
        const offset = offsetOf(element.value, line, column)
        element.focus()
        element.setSelectionRange(offset, offset)
        element.scrollTop = Math.max(0, (line - 5) * LINE_HEIGHT)
      },
    }),
    [],
  )

  const followScroll = (event: UIEvent<HTMLTextAreaElement>) => {
    if (gutter.current) gutter.current.scrollTop = event.currentTarget.scrollTop
  }
  // Tab leaves the field as everywhere else: the keyboard must not be caught in it.
  const saveOnShortcut = (event: KeyboardEvent) => {
    if (event.key !== 's' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    // A key that is held down saves once.
    if (!event.repeat) onSave()
  }

  return (
    <div className={classes.root}>
      <div className={classes.gutter} ref={gutter} aria-hidden="true">
        {Array.from({ length: lines }, (_, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the index is the line.
          <div key={index} data-error={errorLines.has(index + 1)}>
            {index + 1}
          </div>
        ))}
      </div>
      <textarea
        ref={area}
        className={classes.text}
        aria-label={label}
        aria-invalid={errorLines.size > 0}
        value={value}
        placeholder={placeholder}
        readOnly={readOnly}
        spellCheck={false}
        wrap="off"
        autoCapitalize="off"
        autoComplete="off"
        onChange={event => onChange(event.currentTarget.value)}
        onScroll={followScroll}
        onKeyDown={saveOnShortcut}
      />
    </div>
  )
}
