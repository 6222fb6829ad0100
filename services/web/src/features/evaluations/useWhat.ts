/** What an evaluation measured, in words. */
import { useTranslation } from 'react-i18next'
import type { Evaluation } from '../../api/types'

export function useWhat() {
  const { t } = useTranslation()
  return ({ folds, model }: Evaluation) =>
    folds == null
      ? t('evaluation.byModel', { version: model })
      : t('evaluation.byFolds', { count: folds })
}
