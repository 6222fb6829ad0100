/** What a problem says to a person: what happened, and what to do. */
import { useTranslation } from 'react-i18next'
import { asProblem } from '../api/problem'

export function useProblemText(error: unknown) {
  const { t } = useTranslation()
  const { code, problem } = asProblem(error)
  if (code === 'network') {
    return { title: t('problems.network'), detail: undefined, hint: t('problems.networkHint') }
  }
  return {
    title: problem?.title ?? t('problems.unknown'),
    detail: problem?.detail,
    hint: t(`problems.${code}Hint`),
  }
}
