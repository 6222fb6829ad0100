/** Lists and states that are asked for again and again. */
import { asProblem, type ProblemCode } from './problem'

/** What another try does not change: it is gone, or not for this user. */
const FOR_GOOD: ProblemCode[] = ['not_found', 'forbidden', 'unauthenticated']

interface Polled<T> {
  state: { data: T | undefined; error: Error | null }
}

/** Milliseconds until the next time; never while it need not be watched, or once it is refused for good. */
export function every<T>(ms: number, isWatched: (data: T | undefined) => boolean = () => true) {
  return ({ state: { data, error } }: Polled<T>): number | false => {
    if (error && FOR_GOOD.includes(asProblem(error).code)) return false
    return isWatched(data) ? ms : false
  }
}
