/** What is lost when a page is left. Who is about to leave it is asked: for another page, another site, or by signing out. */
import { useBlocker } from '@tanstack/react-router'
import { useEffect } from 'react'

const questions = new Set<string>()

/** Asks the question before the page is left, as long as something on it is not saved. */
export function useUnsaved(isUnsaved: boolean, question: string) {
  useBlocker({
    shouldBlockFn: ({ current, next }) =>
      isUnsaved && current.pathname !== next.pathname && !window.confirm(question),
    enableBeforeUnload: () => isUnsaved,
    disabled: !isUnsaved,
  })
  useEffect(() => {
    if (!isUnsaved) return
    questions.add(question)
    return () => {
      questions.delete(question)
    }
  }, [isUnsaved, question])
}

/** Asks what the page asks. A session that ends leads to the sign-in, and no page can stop that any more. */
export function mayLeave(): boolean {
  return [...questions].every(question => window.confirm(question))
}
