/** The utterances, and beside them what can be said of the chosen one. */
import { Card, SimpleGrid, Text } from '@mantine/core'
import { type ReactNode, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { asProblem } from '../../api/problem'
import type { InboxItem, LabelInboxItem } from '../../api/types'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCanEdit } from '../session/queries'
import type { Annotation } from '../trainingData/annotations'
import { Decide } from './Decide'
import { OUT_OF_SCOPE } from './intents'
import { SHOWN, useDecide } from './queries'
import { Utterances } from './Utterances'
import { useChosen } from './useChosen'

interface WorkbenchProps {
  assistantId: string
  items: InboxItem[]
  /** What stands there when nothing waits. */
  children: ReactNode
}

export function Workbench({ assistantId, items, children }: WorkbenchProps) {
  const { t } = useTranslation()
  const canEdit = useCanEdit()
  const decide = useDecide(assistantId)
  const chosen = useChosen(items, isOver(decide.error) ? decide.variables?.item.id : undefined)
  const { current, place, choose } = chosen
  const [marks, setMarks] = useState<{ of: InboxItem; entities: Annotation[] }>()
  const list = useRef<HTMLDivElement>(null)
  const words = useRef<HTMLTextAreaElement>(null)
  const other = useRef<HTMLInputElement>(null)

  // Said otherwise meanwhile, it has other places.
  const isOfCurrent = marks?.of.id === current?.id && marks?.of.text === current?.text
  const marked = (isOfCurrent && marks?.entities) || []

  const say = (said: LabelInboxItem) => {
    if (!canEdit || !current || decide.isPending) return
    const label = marked.length > 0 && said.intent ? withMarks(said, current, marked) : said
    decide.mutate({ item: current, label }, { onSuccess: () => list.current?.focus() })
  }
  const done = decide.isSuccess ? decide.variables : undefined
  return (
    <>
      {decide.error && <ProblemAlert error={decide.error} />}
      <Text role="status" fz="sm" c="dimmed" mih={22} my={4}>
        {done && outcome(done.item.text, done.label)}
      </Text>
      {current ? (
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
          <Card padding={0}>
            <Utterances
              ref={list}
              items={chosen.items}
              place={place}
              onChoose={choose}
              onSay={canEdit ? say : undefined}
              onOther={() => other.current?.focus()}
              onMark={() => words.current?.focus()}
            />
            {items.length >= SHOWN && (
              <Text fz="xs" c="dimmed" p="sm">
                {t('inbox.listSome', { count: items.length })}
              </Text>
            )}
          </Card>
          <Decide
            key={current.id}
            assistantId={assistantId}
            item={current}
            isGone={chosen.isGone}
            entities={marked}
            wordsRef={words}
            onMark={entities => setMarks({ of: current, entities })}
            otherRef={other}
            busy={decide.isPending}
            onSay={canEdit ? say : undefined}
            onLeave={() => list.current?.focus()}
          />
        </SimpleGrid>
      ) : (
        children
      )}
    </>
  )

  function outcome(text: string, { intent, dismiss }: LabelInboxItem) {
    if (dismiss) return t('inbox.dismissed', { text })
    if (intent === OUT_OF_SCOPE) return t('inbox.labelledOut', { text })
    return t('inbox.labelled', { text, intent })
  }
}

/** Whether one of which this came is decided, here or, as it now turns out, elsewhere. */
function isOver(error: Error | null): boolean {
  return !error || ['conflict', 'not_found'].includes(asProblem(error).code)
}

/** The label with what is marked, and the words that the places are counted in. */
function withMarks(label: LabelInboxItem, item: InboxItem, entities: Annotation[]): LabelInboxItem {
  return { ...label, entities, text: item.text }
}
