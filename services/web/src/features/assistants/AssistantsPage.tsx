/** The list of assistants. */
import { Button, Card, SimpleGrid, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Columns3, Plus, Search } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { EmptyState } from '../../components/EmptyState'
import { Loaded } from '../../components/Loaded'
import { PageHeader } from '../../components/PageHeader'
import { useCanEdit } from '../session/queries'
import { AssistantCard } from './AssistantCard'
import { CreateAssistant } from './CreateAssistant'
import { useAssistants } from './queries'

/** From this many on, a list is easier with a filter. */
const FILTER_FROM = 7

export default function AssistantsPage() {
  const { t } = useTranslation()
  const assistants = useAssistants()
  const canEdit = useCanEdit()
  const [creating, { open, close }] = useDisclosure()
  const create = canEdit && (
    <Button leftSection={<Plus size={18} aria-hidden />} onClick={open}>
      {t('assistants.create')}
    </Button>
  )
  return (
    <>
      <PageHeader title={t('assistants.title')} intro={t('assistants.intro')}>
        {create}
      </PageHeader>
      <Loaded query={assistants} skeleton={[150, 150]}>
        {items =>
          items.length > 0 ? (
            <AssistantList assistants={items} />
          ) : (
            <Card>
              <EmptyState
                icon={Columns3}
                title={t('assistants.emptyTitle')}
                text={t('assistants.emptyText')}
              >
                {create}
              </EmptyState>
            </Card>
          )
        }
      </Loaded>
      {assistants.hasNextPage && (
        <Button
          variant="default"
          mt="lg"
          loading={assistants.isFetchingNextPage}
          onClick={() => assistants.fetchNextPage()}
        >
          {t('app.more')}
        </Button>
      )}
      <CreateAssistant opened={creating} onClose={close} />
    </>
  )
}

function AssistantList({ assistants }: { assistants: Assistant[] }) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const wanted = text.trim().toLocaleLowerCase()
  const matches = assistants.filter(({ name }) => name.toLocaleLowerCase().includes(wanted))
  return (
    <>
      {assistants.length >= FILTER_FROM && (
        <TextInput
          mb="lg"
          maw={360}
          type="search"
          aria-label={t('assistants.filter')}
          placeholder={t('assistants.filter')}
          leftSection={<Search size={16} aria-hidden />}
          value={text}
          onChange={event => setText(event.currentTarget.value)}
        />
      )}
      {matches.length === 0 && (
        <EmptyState icon={Search} title={t('assistants.noMatch', { text: text.trim() })} />
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        {matches.map(assistant => (
          <AssistantCard key={assistant.id} assistant={assistant} />
        ))}
      </SimpleGrid>
    </>
  )
}
