/** The WebSocket of a conversation: events come in, texts go out; reconnects by itself. */
import type { Event } from '../../api/types'
import { readEvent } from './timeline'

/** First wait before connecting again; doubled up to the longest one. */
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000

interface StreamOptions {
  conversationId: string
  /** An access token that is good now; undefined when nobody is signed in. */
  token: () => Promise<string | undefined>
  onEvent: (event: Event) => void
  onOpenChange: (open: boolean) => void
}

export interface Stream {
  /** Sends a text; false when the stream is not open. */
  send: (text: string) => boolean
  close: () => void
}

function address(conversationId: string): string {
  const url = new URL(`/api/v1/conversations/${conversationId}/stream`, location.origin)
  url.protocol = url.protocol.replace('http', 'ws')
  return url.href
}

export function openStream(options: StreamOptions): Stream {
  const { conversationId, token, onEvent, onOpenChange } = options
  let socket: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let wait = FIRST_WAIT_MS
  let closed = false

  const again = () => {
    if (closed) return
    timer = setTimeout(connect, wait)
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }

  async function connect() {
    const accessToken = await token().catch(() => undefined)
    if (closed) return
    if (!accessToken) return again()
    // A browser cannot send headers here; a subprotocol keeps the token out of addresses and logs.
    socket = new WebSocket(address(conversationId), ['stoa', `stoa.bearer.${accessToken}`])
    socket.onopen = () => {
      wait = FIRST_WAIT_MS
      onOpenChange(true)
    }
    socket.onmessage = ({ data }) => {
      const event = readEvent(String(data))
      if (event) onEvent(event)
    }
    socket.onclose = () => {
      if (closed) return
      onOpenChange(false)
      again()
    }
  }

  void connect()
  return {
    send: text => {
      if (socket?.readyState !== WebSocket.OPEN) return false
      socket.send(JSON.stringify({ text }))
      return true
    },
    close: () => {
      closed = true
      clearTimeout(timer)
      socket?.close()
    },
  }
}
