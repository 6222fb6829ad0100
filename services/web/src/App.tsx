/** The providers around the router. */
import { MantineProvider } from '@mantine/core'
import { Notifications } from '@mantine/notifications'
import { QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { useEffect, useState } from 'react'
import { createQueryClient } from './api/queryClient'
import { isSignedIn, onSessionChange } from './api/session'
import { createAppRouter } from './router'
import { cssVariablesResolver, theme } from './theme'

export function App() {
  const [queryClient] = useState(createQueryClient)
  const [router] = useState(() => createAppRouter(queryClient))

  // When the session goes away, in this tab or another, the guard of the routes shows the sign-in.
  useEffect(
    () =>
      onSessionChange(() => {
        if (isSignedIn()) return
        queryClient.clear()
        void router.invalidate()
      }),
    [queryClient, router],
  )

  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      defaultColorScheme="auto"
    >
      <Notifications position="bottom-right" limit={3} />
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  )
}
