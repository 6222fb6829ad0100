/** The signed-in user. */
import { useMutation, useQuery } from '@tanstack/react-query'
import { api, signIn, signInWithCode, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { leaveFor, takeBegun } from '../../api/oidc'
import { ProblemError } from '../../api/problem'
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

/** Whether the user may do everything in the account. */
export function useIsOwner(): boolean {
  return useMe().data?.role === 'owner'
}

export function useSignIn() {
  return useMutation({
    mutationFn: ({ email, password }: { email: string; password: string }) =>
      signIn(email, password),
  })
}

/** Whether people sign in through a provider; without an answer the page offers the password alone. */
export function useOidc() {
  return useQuery({
    queryKey: keys.oidc,
    queryFn: () => unwrap(api.GET('/api/v1/oidc')),
    staleTime: 60_000,
    retry: false,
  })
}

/** Leaves for the provider. */
export function useBeginOidc(redirect: string) {
  return useMutation({
    mutationFn: async () => {
      const { url, ticket } = await unwrap(api.POST('/api/v1/oidc/authorizations'))
      leaveFor(url, { ticket, redirect })
    },
  })
}

export interface OidcSearch {
  code?: string | undefined
  state?: string | undefined
}

/** Signs in with what the provider gave; the data is where to go. Asked once, however often it is shown. */
export function useFinishOidc({ code, state }: OidcSearch) {
  return useQuery({
    queryKey: keys.oidcReturn(state ?? ''),
    queryFn: async () => {
      const begun = takeBegun()
      if (!begun || !code || !state) throw new ProblemError('unauthenticated')
      await signInWithCode(code, state, begun.ticket)
      return begun.redirect
    },
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  })
}

/** Signs out here whatever the server says: the user wants to be gone. */
export function useSignOut() {
  return useMutation({
    mutationFn: () => api.DELETE('/api/v1/sessions/current'),
    onSettled: forgetSession,
  })
}
