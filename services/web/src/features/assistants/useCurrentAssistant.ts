/** The assistant of the page; `AssistantLayout` shows a page only once it is loaded. */
import { useParams } from '@tanstack/react-router'
import { useAssistant } from './queries'

export function useCurrentAssistant() {
  const { assistantId } = useParams({ from: '/signed-in/assistants/$assistantId' })
  const { data } = useAssistant(assistantId)
  if (!data) throw new Error('the layout has not loaded the assistant')
  return data
}
