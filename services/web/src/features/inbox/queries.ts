/** The inbox on the server. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { every } from '../../api/polling'
import type { InboxItem, LabelInboxItem } from '../../api/types'

/** How often it is looked for new utterances: `nlu` gathers them for ten seconds. */
const REFETCH_MS = 5_000
/** How many utterances a page shows; the API gives no more at a time. */
export const SHOWN = 100

/** The utterances that wait, most often said first. */
export function useInbox(id: string) {
  return useQuery({
    queryKey: keys.inbox(id),
    queryFn: async () => {
      const params = { query: { assistant_id: id, limit: SHOWN } }
      return (await unwrap(api.GET('/api/v1/inbox', { params }))).items
    },
    refetchInterval: every(REFETCH_MS),
  })
}

export interface Decision {
  item: InboxItem
  label: LabelInboxItem
}

/** Says what an utterance means, or dismisses it; it leaves the list at once. */
export function useDecide(id: string) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ item, label }: Decision) =>
      unwrap(
        api.POST('/api/v1/inbox/{id}/label', { params: { path: { id: item.id } }, body: label }),
      ),
    // An answer that is under way still has it.
    onMutate: () => client.cancelQueries({ queryKey: keys.inbox(id) }),
    onSuccess: (_, { item, label }) => {
      client.setQueryData<InboxItem[]>(keys.inbox(id), items =>
        items?.filter(other => other.id !== item.id),
      )
      if (label.create_intent || label.intent) {
        return client.invalidateQueries({ queryKey: keys.trainingData(id), refetchType: 'none' })
      }
    },
    onError: () => client.invalidateQueries({ queryKey: keys.inbox(id) }),
  })
}
