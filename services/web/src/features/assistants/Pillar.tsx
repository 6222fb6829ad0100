/** One of the four columns that carry an assistant. */
import { Box, Card, Group, Text, Title } from '@mantine/core'
import { createLink, type LinkComponent } from '@tanstack/react-router'
import { CircleCheck, CircleDashed, type LucideIcon } from 'lucide-react'
import { type AnchorHTMLAttributes, forwardRef, type ReactNode } from 'react'
import { useTranslation } from 'react-i18next'
import cardClasses from './AssistantCard.module.css'
import classes from './Pillar.module.css'

interface PillarCardProps extends Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'title'> {
  icon: LucideIcon
  title: string
  text: string
  /** What has been reached; nothing while it is still to do. */
  reached: ReactNode
  /** Whether nobody can say yet what has been reached. */
  isUnknown?: boolean
  badge?: ReactNode
}

const PillarCard = forwardRef<HTMLAnchorElement, PillarCardProps>(
  ({ icon: Icon, title, text, reached, isUnknown = false, badge, ...link }, ref) => {
    const { t } = useTranslation()
    return (
      <Card className={`${cardClasses.card} ${classes.pillar}`}>
        <Box className={classes.capital} data-done={Boolean(reached)} />
        <Icon size={26} strokeWidth={1.5} className={classes.icon} aria-hidden="true" />
        <Title order={2} fz={20} mt="sm">
          <a ref={ref} {...link} className={cardClasses.link}>
            {title}
          </a>
        </Title>
        <Text fz="sm" c="dimmed" mt={6} mb="lg">
          {text}
        </Text>
        <Group gap={8} mt="auto" wrap="nowrap" fz="sm" fw={500}>
          {reached ? (
            <CircleCheck size={18} className={classes.done} aria-hidden="true" />
          ) : (
            <CircleDashed size={18} className={classes.open} aria-hidden="true" />
          )}
          <span>{reached || (isUnknown ? '…' : t('overview.notYet'))}</span>
          {badge}
        </Group>
      </Card>
    )
  },
)
PillarCard.displayName = 'PillarCard'

const Created = createLink(PillarCard)

export const Pillar: LinkComponent<typeof PillarCard> = props => <Created {...props} />
