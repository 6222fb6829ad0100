/** The conversation of the playground: one per assistant and tab, kept over a reload. */
import { api, unwrap } from '../../api/client'
import { asProblem } from '../../api/problem'

const key = (assistantId: string) => `stoa.conversation.${assistantId}`

async function load(id: string) {
  return unwrap(api.GET('/api/v1/conversations/{id}', { params: { path: { id } } }))
}

/** The transcript and state of a conversation. */
export const loadConversation = load

/** The id of the conversation to go on with; a new one where there is none, or none any more. */
export async function currentConversation(assistantId: string): Promise<string> {
  const stored = sessionStorage.getItem(key(assistantId))
  if (stored) {
    try {
      return (await load(stored)).id
    } catch (error) {
      if (asProblem(error).code !== 'not_found') throw error
    }
  }
  const { id } = await unwrap(
    api.POST('/api/v1/assistants/{id}/conversations', {
      params: { path: { id: assistantId } },
      body: {},
    }),
  )
  sessionStorage.setItem(key(assistantId), id)
  return id
}

export function forgetConversation(assistantId: string) {
  sessionStorage.removeItem(key(assistantId))
}
