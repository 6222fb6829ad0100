/** A text with its entities as coloured marks; which entity it is stands beside, for eyes and for screen readers. */
import { VisuallyHidden } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { entityParts } from '../chat/entityParts'
import type { Annotation } from './annotations'
import classes from './MarkedText.module.css'

const COLORS = 5

interface MarkedTextProps {
  text: string
  entities: Annotation[] | undefined
}

export function MarkedText({ text, entities = [] }: MarkedTextProps) {
  return entityParts(text, entities).map(part =>
    part.entity ? (
      <mark key={part.start} className={classes.mark} data-color={colorOf(part.entity.entity)}>
        {part.text}
        <span className={classes.label} aria-hidden>
          {markLabel(part.entity)}
        </span>
        <Spoken entity={part.entity} />
      </mark>
    ) : (
      <span key={part.start}>{part.text}</span>
    ),
  )
}

function Spoken({ entity: { entity, role, value } }: { entity: Annotation }) {
  const { t } = useTranslation()
  const parts = [
    t('data.marks.entityIs', { entity }),
    role && t('data.marks.roleIs', { role }),
    value && t('data.marks.valueIs', { value }),
  ]
  return <VisuallyHidden> ({parts.filter(Boolean).join(', ')})</VisuallyHidden>
}

/** "city · to = Rome". */
export function markLabel({ entity, role, value }: Annotation): string {
  return `${entity}${role ? ` · ${role}` : ''}${value ? ` = ${value}` : ''}`
}

/** The same colour for the same entity, on every page. */
function colorOf(entity: string): number {
  let sum = 0
  for (const character of entity) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 9973
  return sum % COLORS
}
