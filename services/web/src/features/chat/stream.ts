/** The WebSocket of a conversation: events come in, texts go out; reconnects by itself. */
import { ProblemError } from '../../api/problem'
import type { Event } from '../../api/types'
import { readFrame } from './frames'

/** First wait before connecting again; doubled up to the longest one. */
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000
/** After this long without its event, a text counts as lost. */
const HEARD_MS = 10_000

interface StreamOptions {
  conversationId: string
  /** An access token that is good now; undefined when nobody is signed in. */
  token: () => Promise<string | undefined>
  /** The last sequence that is known: the stream begins after it. */
  after: () => number
  onEvent: (event: Event) => void
  onOpenChange: (open: boolean) => void
}

export interface Stream {
  /**
   * Says something. True once it has come back as an event, false when the stream is not open or
   * went away first: the same key then says it once by other means. Throws what was refused.
   */
  say: (text: string, key: string) => Promise<boolean>
  close: () => void
}

/** A text that was sent and has not come back. */
interface Waiting {
  text: string
  key: string
  settle: (outcome: boolean | ProblemError) => void
}

function address(conversationId: string, after: number): string {
  const url = new URL(`/api/v1/conversations/${conversationId}/stream`, location.origin)
  url.protocol = url.protocol.replace('http', 'ws')
  url.searchParams.set('after', String(after))
  return url.href
}

export function openStream(options: StreamOptions): Stream {
  let socket: WebSocket | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let waiting: Waiting | undefined
  let wait = FIRST_WAIT_MS
  let closed = false

  const again = () => {
    if (closed) return
    timer = setTimeout(connect, wait)
    wait = Math.min(wait * 2, LONGEST_WAIT_MS)
  }

  const hear = (data: unknown) => {
    const frame = readFrame(String(data))
    if (frame?.kind === 'event') {
      const { event } = frame
      options.onEvent(event)
      if (event.event === 'user' && event.text === waiting?.text) waiting.settle(true)
    } else if (frame?.kind === 'refusal' && frame.key === waiting?.key) {
      waiting?.settle(new ProblemError(frame.problem.code, frame.problem))
    }
  }

  async function connect() {
    const accessToken = await options.token().catch(() => undefined)
    if (closed) return
    if (!accessToken) return again()
    const url = address(options.conversationId, options.after())
    // A browser cannot send headers here; a subprotocol keeps the token out of addresses and logs.
    socket = new WebSocket(url, ['stoa', `stoa.bearer.${accessToken}`])
    socket.onopen = () => {
      wait = FIRST_WAIT_MS
      options.onOpenChange(true)
    }
    socket.onmessage = ({ data }) => hear(data)
    socket.onclose = () => {
      waiting?.settle(false)
      if (closed) return
      options.onOpenChange(false)
      again()
    }
  }

  const say = (text: string, key: string) =>
    new Promise<boolean>((resolve, reject) => {
      if (socket?.readyState !== WebSocket.OPEN) return resolve(false)
      const timeout = setTimeout(() => waiting?.settle(false), HEARD_MS)
      waiting = {
        text,
        key,
        settle: outcome => {
          clearTimeout(timeout)
          waiting = undefined
          if (outcome instanceof ProblemError) reject(outcome)
          else resolve(outcome)
        },
      }
      socket.send(JSON.stringify({ text, idempotency_key: key }))
    })

  void connect()
  return {
    say,
    close: () => {
      closed = true
      clearTimeout(timer)
      socket?.close()
    },
  }
}
