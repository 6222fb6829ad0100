/** The signed-in user. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { api, signIn, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { forgetSession } from '../../api/session'
import type { Me } from '../../api/types'

export function useMe() {
  return useQuery({
    queryKey: keys.me,
    queryFn: () => unwrap(api.GET('/api/v1/me')),
    staleTime: 60_000,
  })
}

const RANKS: Record<Me['role'], number> = { viewer: 0, editor: 1, owner: 2 }

/** Whether the user may change assistants; until it is known, no button promises it. */
export function useCanEdit(): boolean {
  const me = useMe()
  return me.data !== undefined && RANKS[me.data.role] >= RANKS.editor
}

export function useSignIn() {
  return useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) =>
      signIn(email, password),
  })
}

/** Signs out here whatever the server says: the user wants to be gone. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => api.DELETE('/api/v1/sessions/current'),
    onSettled: forgetSession,
  })
}
