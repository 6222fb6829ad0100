/** Flows as they are being edited: what is typed, of which document, and what others have saved meanwhile. */
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { notifyDone } from '../../components/notify'
import { type EditedFlows, useSaveFlows } from './queries'

export function useFlowsDraft(assistantId: string, saved: string) {
  const { t } = useTranslation()
  const save = useSaveFlows(assistantId)
  // Undefined while nothing has been typed: then it is what the server has.
  const [draft, setDraft] = useState<EditedFlows>()
  const [sent, setSent] = useState<string>()
  const text = draft?.text ?? saved
  const isChanged = text !== saved
  const isOutdated = isChanged && draft?.base !== saved && !save.isPending
  if (draft && !isChanged) setDraft(undefined)
  // What was typed while it was being saved goes on from what was sent.
  else if (draft && draft.base !== saved && saved === sent) setDraft({ text, base: saved })

  const store = (edited: EditedFlows) => {
    setDraft(edited)
    setSent(edited.text)
    save.mutate(edited, { onSuccess: isSaved => isSaved && notifyDone(t('flows.saved')) })
  }
  return {
    text,
    isChanged,
    /** Whether somebody else has saved another document than that of which this was made. */
    isOutdated,
    save,
    write: (text: string) => setDraft(now => ({ text, base: now?.base ?? saved })),
    submit: () => {
      if (draft && !isOutdated && !save.isPending) store(draft)
    },
    /** Saves it in place of what somebody else has saved. */
    overwrite: () => store({ text, base: saved }),
    discard: () => {
      setDraft(undefined)
      save.reset()
    },
  }
}
