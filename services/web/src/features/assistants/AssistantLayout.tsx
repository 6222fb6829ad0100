/** What the pages of one assistant share: it is there, or it is not. */
import { Outlet, useParams } from '@tanstack/react-router'
import { Loaded } from '../../components/Loaded'
import { useAssistant } from './queries'

export default function AssistantLayout() {
  const { assistantId } = useParams({ from: '/signed-in/assistants/$assistantId' })
  const assistant = useAssistant(assistantId)
  // A new assistant is a new page: nothing typed for one must appear at another.
  return (
    <Loaded query={assistant} skeleton={[64, 200, 200]}>
      {() => <Outlet key={assistantId} />}
    </Loaded>
  )
}
