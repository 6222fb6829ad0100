/** What the training data holds: a line per intent, opened to its examples. */
import { Badge, Card, Group, Table, Text, TextInput, Title, UnstyledButton } from '@mantine/core'
import { ChevronRight, Search } from 'lucide-react'
import { useId, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../../components/ButtonLink'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import { OUT_OF_SCOPE } from '../inbox/intents'
import { useCanEdit } from '../session/queries'
import classes from './IntentTable.module.css'
import type { DataSummary, IntentSummary } from './summarize'

/** Examples shown of an opened intent. */
const SHOWN = 50

interface IntentTableProps {
  assistantId: string
  summary: DataSummary
}

export function IntentTable({ assistantId, summary }: IntentTableProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const [text, setText] = useState('')
  const wanted = text.trim().toLocaleLowerCase()
  const matches = summary.intents.filter(
    ({ intent, texts }) =>
      intent?.toLocaleLowerCase().includes(wanted) ||
      texts.some(example => example.toLocaleLowerCase().includes(wanted)),
  )
  return (
    <Card>
      <Group justify="space-between" mb="md">
        <div>
          <Title order={2} fz="xl">
            {t('data.contents')}
          </Title>
          <Text fz="sm" c="dimmed">
            {t('overview.examples', { count: summary.examples })},{' '}
            {t('overview.intents', { count: summary.intents.length })}
          </Text>
        </div>
        <TextInput
          type="search"
          w={{ base: '100%', xs: 280 }}
          aria-label={t('data.filter')}
          placeholder={t('data.filter')}
          leftSection={<Search size={16} aria-hidden />}
          value={text}
          onChange={event => setText(event.currentTarget.value)}
        />
      </Group>
      <WideTable minWidth={520} label={t('data.contents')} verticalSpacing="xs" layout="fixed">
        <Table.Thead>
          <Table.Tr>
            <Table.Th w="34%">{t('data.intent')}</Table.Th>
            <Table.Th w={100} ta="right">
              {t('data.examples')}
            </Table.Th>
            <Table.Th pl="xl">{t('data.sample')}</Table.Th>
            <Table.Th w="22%">{t('data.entities')}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {matches.map(intent => (
            <IntentRows
              key={intent.intent ?? ''}
              assistantId={assistantId}
              summary={intent}
              count={format.number(intent.texts.length)}
            />
          ))}
        </Table.Tbody>
      </WideTable>
    </Card>
  )
}

interface IntentRowsProps {
  assistantId: string
  summary: IntentSummary
  count: string
}

function IntentRows({ assistantId, summary: { intent, texts, entities }, count }: IntentRowsProps) {
  const { t } = useTranslation()
  const [opened, setOpened] = useState(false)
  const canEdit = useCanEdit()
  const id = useId()
  return (
    <>
      <Table.Tr>
        <Table.Td>
          <UnstyledButton
            className={classes.intent}
            aria-expanded={opened}
            aria-controls={opened ? id : undefined}
            onClick={() => setOpened(!opened)}
          >
            <ChevronRight size={15} aria-hidden className={classes.chevron} />
            {intent ?? <i>{t('data.outOfScope')}</i>}
          </UnstyledButton>
        </Table.Td>
        <Table.Td ta="right" className={classes.count}>
          {count}
        </Table.Td>
        <Table.Td pl="xl">
          <Text fz="sm" c="dimmed" truncate>
            {texts[0]}
          </Text>
        </Table.Td>
        <Table.Td>
          <Group gap={4}>
            {entities.map(entity => (
              <Badge key={entity} variant="light" color="terracotta" radius="sm" tt="none">
                {entity}
              </Badge>
            ))}
          </Group>
        </Table.Td>
      </Table.Tr>
      {opened && (
        <Table.Tr id={id} className={classes.opened}>
          <Table.Td colSpan={4}>
            <ul className={classes.examples}>
              {texts.slice(0, SHOWN).map((example, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: an example may stand there twice; the order never changes.
                <li key={index}>{example}</li>
              ))}
            </ul>
            <ButtonLink
              size="compact-sm"
              variant="default"
              mb={6}
              to="/assistants/$assistantId/examples"
              params={{ assistantId }}
              search={{ intent: intent ?? OUT_OF_SCOPE }}
            >
              {t(canEdit ? 'data.edit.open' : 'data.edit.show')}
            </ButtonLink>
            {texts.length > SHOWN && (
              <Text fz="sm" c="dimmed">
                {t('problems.moreRows', { count: texts.length - SHOWN })}
              </Text>
            )}
          </Table.Td>
        </Table.Tr>
      )}
    </>
  )
}
