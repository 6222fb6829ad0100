/** What the model made of a message: ranking, entities, version. */
import { Badge, Card, Group, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Entity, ParseResult } from '../../api/types'
import { useFormat } from '../../i18n/format'
import { entityParts } from './entityParts'
import type { UserEvent } from './timeline'
import classes from './Understanding.module.css'
import { valueText } from './valueText'

/** Intents shown of the ranking. */
const SHOWN = 5

interface UnderstandingProps {
  event: UserEvent | undefined
}

export function Understanding({ event }: UnderstandingProps) {
  const { t } = useTranslation()
  const parse = event?.parse
  return (
    <Card component="section" padding="md" aria-labelledby="understanding">
      <Group justify="space-between" mb="xs">
        <Title order={2} fz="lg" id="understanding">
          {t('chat.understanding')}
        </Title>
        {parse && (
          <Badge variant="outline" color="aegean" tt="none" radius="sm">
            {t('chat.model', { version: parse.model_version })}
          </Badge>
        )}
      </Group>
      {parse ? (
        <Parse parse={parse} />
      ) : (
        <Text fz="sm" c="dimmed">
          {event ? t('chat.noParse') : t('chat.understandingEmpty')}
        </Text>
      )}
    </Card>
  )
}

function Parse({ parse }: { parse: ParseResult }) {
  const { t } = useTranslation()
  return (
    <>
      <p className={classes.text}>
        {entityParts(parse.text, parse.entities).map(part =>
          part.entity ? (
            <mark key={part.start} className={classes.entity}>
              {part.text}
              <span>{part.entity.entity}</span>
            </mark>
          ) : (
            <span key={part.start}>{part.text}</span>
          ),
        )}
      </p>
      <h3 className={classes.heading}>{t('chat.ranking')}</h3>
      {parse.intent.name == null && (
        <Badge color="terracotta" variant="light" tt="none" radius="sm" mb={6}>
          {t('chat.outOfScope')}
        </Badge>
      )}
      <ol className={classes.ranking}>
        {parse.intent_ranking.slice(0, SHOWN).map(({ name, confidence }) => (
          <Rank
            key={name}
            name={name}
            confidence={confidence}
            chosen={name === parse.intent.name}
          />
        ))}
      </ol>
      <h3 className={classes.heading}>{t('chat.entities')}</h3>
      {parse.entities.length === 0 ? (
        <Text fz="sm" c="dimmed">
          {t('chat.noEntities')}
        </Text>
      ) : (
        <ul className={classes.entities}>
          {parse.entities.map(entity => (
            <EntityLine key={`${entity.start}:${entity.entity}`} entity={entity} />
          ))}
        </ul>
      )}
    </>
  )
}

interface RankProps {
  name: string
  confidence: number
  chosen: boolean
}

function Rank({ name, confidence, chosen }: RankProps) {
  const format = useFormat()
  return (
    <li data-chosen={chosen}>
      <span className={classes.name}>{name}</span>
      <span className={classes.track} aria-hidden="true">
        <span style={{ width: `${confidence * 100}%` }} />
      </span>
      <span className={classes.percent}>{format.percent(confidence, 1)}</span>
    </li>
  )
}

function EntityLine({ entity }: { entity: Entity }) {
  const { t } = useTranslation()
  const format = useFormat()
  return (
    <li>
      <span className={classes.name}>
        {entity.entity}
        {entity.role && ` · ${entity.role}`}
        {entity.group && ` · ${entity.group}`}
      </span>
      <span className={classes.value}>{valueText(entity.value)}</span>
      <small>
        {format.percent(entity.confidence)}, {t('chat.extractor', { name: entity.extractor })}
      </small>
    </li>
  )
}
