/** The user's sessions, and the account's users and API keys on the server. */
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { api, unwrap } from '../../api/client'
import { keys } from '../../api/keys'
import { flat, inPages, paged } from '../../api/pages'
import { forgetSession } from '../../api/session'
import type { CreateApiKey, CreateUser, Me, Role } from '../../api/types'

const PAGE = 50

const pageAt = (cursor: string) => ({ params: { query: paged(PAGE, cursor) } })

export function useSessions() {
  return useInfiniteQuery({
    queryKey: keys.sessions,
    queryFn: ({ pageParam }) => unwrap(api.GET('/api/v1/sessions', pageAt(pageParam))),
    ...inPages,
    select: flat,
  })
}

export function useEndSession() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE('/api/v1/sessions/{id}', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.sessions }),
  })
}

export function useEndOtherSessions() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/v1/sessions/others')),
    onSettled: () => client.invalidateQueries({ queryKey: keys.sessions }),
  })
}

/** Here it ends only once the server has ended it everywhere: that is what was asked for. */
export function useSignOutEverywhere() {
  return useMutation({
    mutationFn: () => unwrap(api.DELETE('/api/v1/sessions')),
    onSuccess: forgetSession,
  })
}

export function useUsers() {
  return useInfiniteQuery({
    queryKey: keys.users,
    queryFn: ({ pageParam }) => unwrap(api.GET('/api/v1/users', pageAt(pageParam))),
    ...inPages,
    select: flat,
  })
}

export function useCreateUser() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: CreateUser) => unwrap(api.POST('/api/v1/users', { body })),
    // The password is in the input: it is not kept longer than it is typed.
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: keys.users }),
  })
}

/** The server has ended every session of a user that was changed: this one too, if it is the user's own. */
function useFollowUser() {
  const client = useQueryClient()
  return (id: string) =>
    client.getQueryData<Me>(keys.me)?.id === id
      ? forgetSession()
      : client.invalidateQueries({ queryKey: keys.users })
}

export function useChangeRole() {
  const follow = useFollowUser()
  return useMutation({
    mutationFn: ({ id, role }: { id: string; role: Role }) =>
      unwrap(api.PATCH('/api/v1/users/{id}', { params: { path: { id } }, body: { role } })),
    onSuccess: (_, { id }) => follow(id),
  })
}

export function useDeleteUser() {
  const follow = useFollowUser()
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE('/api/v1/users/{id}', { params: { path: { id } } })),
    onSuccess: (_, id) => follow(id),
  })
}

export function useApiKeys() {
  return useInfiniteQuery({
    queryKey: keys.apiKeys,
    queryFn: ({ pageParam }) => unwrap(api.GET('/api/v1/api-keys', pageAt(pageParam))),
    ...inPages,
    select: flat,
  })
}

export function useCreateApiKey() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (body: CreateApiKey) => unwrap(api.POST('/api/v1/api-keys', { body })),
    // The secret is in the answer: it is not kept longer than it is shown.
    gcTime: 0,
    onSuccess: () => client.invalidateQueries({ queryKey: keys.apiKeys }),
  })
}

export function useRevokeApiKey() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) =>
      unwrap(api.DELETE('/api/v1/api-keys/{id}', { params: { path: { id } } })),
    onSettled: () => client.invalidateQueries({ queryKey: keys.apiKeys }),
  })
}
