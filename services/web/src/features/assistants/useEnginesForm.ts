/** The form of an assistant's engines. */
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'
import type { Engine } from '../../api/types'
import { draftsOf } from './engines'

export type EnginesForm = ReturnType<typeof useEnginesForm>

export function useEnginesForm(stored: Engine[]) {
  const { t } = useTranslation()
  return useForm({
    initialValues: { engines: draftsOf(stored) },
    validate: {
      engines: {
        url: (url, { engines }, path) => {
          const index = Number(path.split('.')[1])
          const isMissing = engines[index]?.kind === 'rasa' && !url.trim()
          return isMissing ? t('engines.urlMissing') : null
        },
      },
    },
  })
}
