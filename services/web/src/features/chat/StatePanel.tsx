/** What the assistant remembers and where it stands. */
import { Badge, Card, Group, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { ConversationState } from '../../api/types'
import classes from './StatePanel.module.css'
import { valueText } from './valueText'

const COLORS: Record<ConversationState['status'], string> = {
  active: 'aegean',
  handover: 'terracotta',
  ended: 'gray',
}

export function StatePanel({ state }: { state: ConversationState }) {
  const { t } = useTranslation()
  const { status, flow, asking, slots } = state
  const filled = Object.entries(slots).filter(([, value]) => value !== null)
  return (
    <Card component="section" padding="md" aria-labelledby="state">
      <Group justify="space-between" mb="xs">
        <Title order={2} fz="lg" id="state">
          {t('chat.state')}
        </Title>
        <Badge variant="outline" color={COLORS[status]} tt="none" radius="sm">
          {t(`chat.status.${status}`)}
        </Badge>
      </Group>
      <dl className={classes.facts}>
        <dt>{t('chat.flow')}</dt>
        <dd>{flow ?? t('chat.noFlow')}</dd>
        <dt>{t('chat.asking')}</dt>
        <dd>{asking ?? t('chat.nothing')}</dd>
      </dl>
      <h3 className={classes.heading}>{t('chat.slots')}</h3>
      {filled.length === 0 ? (
        <Text fz="sm" c="dimmed">
          {t('chat.noSlots')}
        </Text>
      ) : (
        <dl className={classes.slots} data-testid="slots">
          {filled.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{valueText(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </Card>
  )
}
