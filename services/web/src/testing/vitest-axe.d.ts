import 'vitest'
import type { AxeMatchers } from 'vitest-axe'

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the type parameter must be the one that vitest declares.
  interface Assertion<T = any> extends AxeMatchers {}
}
