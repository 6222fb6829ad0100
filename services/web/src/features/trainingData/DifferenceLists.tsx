/** What is different between two revisions, list by list. */
import { List, Stack, Text, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import type { Example } from '../../api/types'
import { Loaded } from '../../components/Loaded'
import { difference } from './difference'
import { MarkedText } from './MarkedText'
import { useRevision } from './revisions'

/** Lines shown of a list. */
const SHOWN = 100

interface DifferenceListsProps {
  assistantId: string
  from: number
  to: number
}

export function DifferenceLists({ assistantId, from, to }: DifferenceListsProps) {
  const { t } = useTranslation()
  const before = useRevision(assistantId, from)
  const after = useRevision(assistantId, to)
  const nameOf = (intent: string | null | undefined) => intent ?? t('data.outOfScope')
  const line = (example: Example) => (
    <>
      <b>{nameOf(example.intent)}</b>:{' '}
      <MarkedText text={example.text} entities={example.entities} />
    </>
  )
  return (
    <Loaded query={before} skeleton={[120]}>
      {old => (
        <Loaded query={after} skeleton={[120]}>
          {now => {
            const { added, removed, moved, marked, isBesides } = difference(old, now)
            const many = added.length + removed.length + moved.length + marked.length
            return (
              <Stack>
                {many === 0 && !isBesides && <Text c="dimmed">{t('data.history.same')}</Text>}
                <Lines
                  title={t('data.history.added', { count: added.length })}
                  lines={added.map(line)}
                />
                <Lines
                  title={t('data.history.removed', { count: removed.length })}
                  lines={removed.map(line)}
                />
                <Lines
                  title={t('data.history.moved', { count: moved.length })}
                  lines={moved.map(one => (
                    <>
                      <b>
                        {nameOf(one.from)} → {nameOf(one.to)}
                      </b>
                      : {one.text}
                    </>
                  ))}
                />
                <Lines
                  title={t('data.history.marked', { count: marked.length })}
                  lines={marked.map(line)}
                />
                {isBesides && <Text>{t('data.history.besides')}</Text>}
              </Stack>
            )
          }}
        </Loaded>
      )}
    </Loaded>
  )
}

function Lines({ title, lines }: { title: string; lines: ReactNode[] }) {
  const { t } = useTranslation()
  if (lines.length === 0) return null
  return (
    <section>
      <Title order={3} fz="md" mb={4}>
        {title}
      </Title>
      <List fz="sm" spacing={2}>
        {lines.slice(0, SHOWN).map((line, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an example may stand there twice; the order never changes.
          <List.Item key={index}>{line}</List.Item>
        ))}
      </List>
      {lines.length > SHOWN && (
        <Text fz="sm" c="dimmed">
          {t('problems.moreRows', { count: lines.length - SHOWN })}
        </Text>
      )}
    </section>
  )
}
