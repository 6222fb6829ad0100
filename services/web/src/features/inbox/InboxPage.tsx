/** Inbox: what users said and the assistant was not sure of, for a person to say what it means. */
import { Switch, Text } from '@mantine/core'
import { Inbox } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../../components/ButtonLink'
import { EmptyState } from '../../components/EmptyState'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { PageHeader } from '../../components/PageHeader'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCollectUtterances } from '../assistants/queries'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { useCanEdit } from '../session/queries'
import { useInbox } from './queries'
import { Workbench } from './Workbench'

export default function InboxPage() {
  const { t } = useTranslation()
  const assistant = useCurrentAssistant()
  const { id, name } = assistant
  const collects = assistant.collects_utterances !== false
  const inbox = useInbox(id)
  const canEdit = useCanEdit()
  return (
    <>
      <PageHeader context={name} title={t('inbox.title')} intro={t('inbox.intro')}>
        {canEdit && (
          <ButtonLink
            to="/assistants/$assistantId/training"
            params={{ assistantId: id }}
            variant="default"
          >
            {t('inbox.train')}
          </ButtonLink>
        )}
      </PageHeader>
      {canEdit && <Collection assistantId={id} collects={collects} />}
      <Loaded query={inbox} skeleton={[320]}>
        {items => (
          <Workbench assistantId={id} items={items}>
            <EmptyState
              icon={Inbox}
              title={t('inbox.empty')}
              text={collects ? t('inbox.emptyText') : t('inbox.emptyOff')}
            />
          </Workbench>
        )}
      </Loaded>
    </>
  )
}

function Collection({ assistantId, collects }: { assistantId: string; collects: boolean }) {
  const { t } = useTranslation()
  const collect = useCollectUtterances(assistantId)
  return (
    <>
      <Switch
        mb="md"
        label={<Text fz="sm">{t('inbox.collect')}</Text>}
        checked={collects}
        disabled={collect.isPending}
        onChange={event =>
          collect.mutate(event.currentTarget.checked, {
            onSuccess: ({ collects_utterances }) =>
              notifyDone(t(collects_utterances ? 'inbox.collectOn' : 'inbox.collectOff')),
          })
        }
      />
      {collect.error && <ProblemAlert error={collect.error} />}
    </>
  )
}
