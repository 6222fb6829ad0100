/** Where the user writes. Enter sends, Shift+Enter begins a line. */
import { ActionIcon, Textarea } from '@mantine/core'
import { SendHorizontal } from 'lucide-react'
import { type FormEvent, type KeyboardEvent, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../i18n/format'
import classes from './Chat.module.css'

/** The longest message that the API takes, in characters. */
const LIMIT = 10_000

interface ComposerProps {
  disabled: boolean
  /** Fails when it is not said. */
  onSend: (text: string) => Promise<void>
}

export function Composer({ disabled, onSend }: ComposerProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const [text, setText] = useState('')
  const input = useRef<HTMLTextAreaElement>(null)
  const tooLong = Array.from(text).length > LIMIT
  const send = (event: FormEvent) => {
    event.preventDefault()
    const said = text.trim()
    if (!said || tooLong || disabled) return
    setText('')
    // What was not said is there to be said again, unless another thing is being written already.
    onSend(said).catch(() => setText(now => now || said))
    input.current?.focus()
  }
  const sendOnEnter = (event: KeyboardEvent) => {
    // While an input method composes a character, Enter belongs to it.
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) send(event)
  }
  return (
    <form className={classes.composer} onSubmit={send}>
      <Textarea
        ref={input}
        flex={1}
        size="md"
        autosize
        minRows={1}
        maxRows={6}
        aria-label={t('chat.input')}
        placeholder={t('chat.placeholder')}
        value={text}
        error={tooLong && t('chat.tooLong', { limit: format.number(LIMIT) })}
        onChange={event => setText(event.currentTarget.value)}
        onKeyDown={sendOnEnter}
      />
      <ActionIcon
        type="submit"
        size={42}
        aria-label={t('chat.send')}
        disabled={!text.trim() || tooLong}
        loading={disabled}
      >
        <SendHorizontal size={19} aria-hidden />
      </ActionIcon>
    </form>
  )
}
