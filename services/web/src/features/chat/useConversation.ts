/** A conversation as the playground shows it: transcript, state, and the way to say something. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useCallback, useEffect, useRef, useState } from 'react'
import { accessToken, api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { idempotencyKey } from '../../api/trace'
import type { Conversation, Event } from '../../api/types'
import { currentConversation, forgetConversation, loadConversation } from './currentConversation'
import { openStream, type Stream } from './stream'
import { mergeEvents } from './timeline'

/** Events of one turn arrive together; the state is asked for once after them. */
const SETTLE_MS = 120

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
  const send = useSend(id, stream.say)

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
      after: () => client.getQueryData<Conversation>(queryKey)?.events.at(-1)?.sequence ?? 0,
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

  const say: Stream['say'] = useCallback(
    async (text, key) => (await stream.current?.say(text, key)) ?? false,
    [],
  )
  return { open, say }
}

/** Says something: over the stream where it is open, else by a plain request; never twice. */
function useSend(id: string | undefined, sayLive: Stream['say']) {
  const client = useQueryClient()
  // What failed may have been heard: said again it has the same key.
  const unheard = useRef<{ id: string; text: string; key: string }>(null)
  return useMutation({
    mutationFn: async (text: string) => {
      if (!id) return
      const isAgain = unheard.current?.id === id && unheard.current.text === text
      const key = (isAgain && unheard.current?.key) || idempotencyKey()
      unheard.current = { id, text, key }
      if (await sayLive(text, key)) return
      const call = api.POST('/api/v1/conversations/{id}/messages', {
        params: { path: { id } },
        headers: { 'Idempotency-Key': key },
        body: { text },
      })
      await unwrap(call)
      await client.invalidateQueries({ queryKey: keys.conversation(id) })
    },
    onSuccess: () => {
      unheard.current = null
    },
  })
}
