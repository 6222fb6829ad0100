/** A conversation as the playground shows it: transcript, state, and the way to say something. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { accessToken, api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { ProblemError } from '../../api/problem'
import type { Conversation, Event } from '../../api/types'
import { currentConversation, forgetConversation, loadConversation } from './currentConversation'
import { openStream, type Stream } from './stream'
import { lastUserEvent, mergeEvents } from './timeline'

/** Events of one turn arrive together; the state is asked for once after them. */
const SETTLE_MS = 120
/** After this long without an echo on the stream, the message counts as lost. */
const ECHO_MS = 15_000

export function useConversation(assistantId: string) {
  const client = useQueryClient()
  const current = useQuery({
    queryKey: ['playground', assistantId],
    queryFn: () => currentConversation(assistantId),
    staleTime: Number.POSITIVE_INFINITY,
  })
  const id = current.data
  const conversation = useQuery({
    queryKey: keys.conversation(id ?? ''),
    queryFn: () => loadConversation(id ?? ''),
    enabled: id !== undefined,
  })
  const stream = useStream(id)
  const send = useSend(id, stream.send)

  const restart = useCallback(() => {
    forgetConversation(assistantId)
    send.reset()
    return client.resetQueries({ queryKey: ['playground', assistantId] })
  }, [assistantId, client, send.reset])

  return { current, conversation, live: stream.open, send, restart }
}

/** The live events of a conversation, written into its cached transcript. */
function useStream(id: string | undefined) {
  const client = useQueryClient()
  const stream = useRef<Stream>(null)
  const [open, setOpen] = useState(false)

  useEffect(() => {
    if (!id) return
    let settle: ReturnType<typeof setTimeout> | undefined
    const queryKey = keys.conversation(id)
    const refresh = () => void client.invalidateQueries({ queryKey })
    const add = (event: Event) => {
      client.setQueryData<Conversation>(
        queryKey,
        known => known && { ...known, events: mergeEvents(known.events, [event]) },
      )
      clearTimeout(settle)
      settle = setTimeout(refresh, SETTLE_MS)
    }
    const opened = openStream({
      conversationId: id,
      token: accessToken,
      onEvent: add,
      onOpenChange: isOpen => {
        setOpen(isOpen)
        // What was said while the stream was away.
        if (isOpen) refresh()
      },
    })
    stream.current = opened
    return () => {
      clearTimeout(settle)
      opened.close()
      stream.current = null
      setOpen(false)
    }
  }, [client, id])

  const send = useCallback((text: string) => stream.current?.send(text) ?? false, [])
  return { open, send }
}

/** Says something: over the stream where it is open, else by a plain request. */
function useSend(id: string | undefined, sendLive: (text: string) => boolean) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (text: string) => {
      if (!id) return
      const queryKey = keys.conversation(id)
      const last = () =>
        lastUserEvent(client.getQueryData<Conversation>(queryKey)?.events ?? [])?.sequence ?? 0
      const before = last()
      if (sendLive(text)) {
        await until(client, () => last() > before)
        return
      }
      const call = api.POST('/api/v1/conversations/{id}/messages', {
        params: { path: { id } },
        body: { text },
      })
      await unwrap(call)
      await client.invalidateQueries({ queryKey })
    },
  })
}

/** Waits until the cache fulfils a condition, or fails as if no answer had come. */
function until(client: ReturnType<typeof useQueryClient>, holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = client.getQueryCache().subscribe(() => {
      if (holds()) end(resolve)
    })
    const timer = setTimeout(() => end(() => reject(new ProblemError('network'))), ECHO_MS)
    function end(settle: () => void) {
      clearTimeout(timer)
      stop()
      settle()
    }
  })
}
