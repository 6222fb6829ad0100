/** The routes: the sign-in, and behind it the assistants. Pages are loaded when they are opened. */
import type { QueryClient } from '@tanstack/react-query'
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router'
import { isSignedIn } from './api/session'
import { Crash, NotFound } from './components/Dead'
import { Shell } from './components/Shell'
import type { OidcSearch } from './features/session/queries'

const rootRoute = createRootRouteWithContext<{ queryClient: QueryClient }>()({
  component: Outlet,
  notFoundComponent: NotFound,
})

interface SignInSearch {
  /** Where to go afterwards: a path of this console. */
  redirect?: string | undefined
}

/** Only paths of our own: `//host` would lead away. */
function ownPath(value: unknown): string | undefined {
  return typeof value === 'string' && /^\/(?![/\\])/.test(value) ? value : undefined
}

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  // The key is always there: the router lays what is returned over the search as it came.
  validateSearch: (search: Record<string, unknown>): SignInSearch => ({
    redirect: ownPath(search.redirect),
  }),
  beforeLoad: ({ search }) => {
    if (isSignedIn()) throw redirect({ to: search.redirect ?? '/', replace: true })
  },
  component: lazyRouteComponent(() => import('./features/session/SignInPage')),
})

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)

const oidcRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in/oidc',
  validateSearch: (search: Record<string, unknown>): OidcSearch => ({
    code: text(search.code),
    state: text(search.state),
  }),
  component: lazyRouteComponent(() => import('./features/session/OidcPage')),
})

const signedInRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'signed-in',
  beforeLoad: ({ location }) => {
    if (isSignedIn()) return
    const search = location.href === '/' ? {} : { redirect: location.href }
    throw redirect({ to: '/sign-in', search, replace: true })
  },
  component: Shell,
})

const assistantsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./features/assistants/AssistantsPage')),
})

const jobsRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/jobs',
  component: lazyRouteComponent(() => import('./features/jobs/JobsPage')),
})

const accountRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/account',
  component: lazyRouteComponent(() => import('./features/account/AccountPage')),
})

const assistantRoute = createRoute({
  getParentRoute: () => signedInRoute,
  path: '/assistants/$assistantId',
  component: lazyRouteComponent(() => import('./features/assistants/AssistantLayout')),
})

const overviewRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/',
  component: lazyRouteComponent(() => import('./features/assistants/OverviewPage')),
})

const dataRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/data',
  component: lazyRouteComponent(() => import('./features/trainingData/TrainingDataPage')),
})

export interface ExamplesSearch {
  /** The intent; what is out of scope if it is absent. */
  intent?: string | undefined
  /** What to look for among them. */
  find?: string | undefined
}

const examplesRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/examples',
  validateSearch: (search: Record<string, unknown>): ExamplesSearch => ({
    intent: text(search.intent),
    find: text(search.find),
  }),
  component: lazyRouteComponent(() => import('./features/trainingData/ExamplesPage')),
})

const historyRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/history',
  component: lazyRouteComponent(() => import('./features/trainingData/HistoryPage')),
})

const flowsRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/flows',
  component: lazyRouteComponent(() => import('./features/flows/FlowsPage')),
})

const trainingRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/training',
  component: lazyRouteComponent(() => import('./features/trainings/TrainingPage')),
})

const evaluationRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/evaluation',
  component: lazyRouteComponent(() => import('./features/evaluations/EvaluationPage')),
})

const inboxRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/inbox',
  component: lazyRouteComponent(() => import('./features/inbox/InboxPage')),
})

const chatRoute = createRoute({
  getParentRoute: () => assistantRoute,
  path: '/chat',
  component: lazyRouteComponent(() => import('./features/chat/ChatPage')),
})

const routeTree = rootRoute.addChildren([
  signInRoute,
  oidcRoute,
  signedInRoute.addChildren([
    assistantsRoute,
    jobsRoute,
    accountRoute,
    assistantRoute.addChildren([
      overviewRoute,
      dataRoute,
      examplesRoute,
      historyRoute,
      flowsRoute,
      trainingRoute,
      evaluationRoute,
      inboxRoute,
      chatRoute,
    ]),
  ]),
])

export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: 'intent',
    scrollRestoration: true,
    defaultErrorComponent: Crash,
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>
  }
}
