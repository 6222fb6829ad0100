/** The list of assistants. */
import { Button, Card, SimpleGrid, TextInput } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Columns3, Plus, Search } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { EmptyState } from '../../components/EmptyState'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { PageHeader } from '../../components/PageHeader'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCanEdit } from '../session/queries'
import { AssistantCard } from './AssistantCard'
import { CreateAssistant } from './CreateAssistant'
import { useAllAssistants, useAssistants } from './queries'

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
            <AssistantList assistants={items} more={<More query={assistants} />} />
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
      <CreateAssistant opened={creating} onClose={close} />
    </>
  )
}

interface AssistantListProps {
  assistants: Assistant[]
  /** The way to those that are not shown yet. */
  more: ReactNode
}

function AssistantList({ assistants, more }: AssistantListProps) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const wanted = text.trim().toLocaleLowerCase()
  // What is looked for may be further down than has been shown.
  const all = useAllAssistants({ enabled: wanted !== '' })
  const searched = wanted ? (all.data ?? assistants) : assistants
  const matches = searched.filter(({ name }) => name.toLocaleLowerCase().includes(wanted))
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
      {all.error && <ProblemAlert error={all.error} onRetry={() => all.refetch()} />}
      {matches.length === 0 && !all.isFetching && !all.isError && (
        <EmptyState icon={Search} title={t('assistants.noMatch', { text: text.trim() })} />
      )}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        {matches.map(assistant => (
          <AssistantCard key={assistant.id} assistant={assistant} />
        ))}
      </SimpleGrid>
      {!wanted && more}
    </>
  )
}
