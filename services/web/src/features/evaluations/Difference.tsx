/** By how much a figure is another than before, and whether that is better: in a word, not in colour alone. */
import { Group, Text } from '@mantine/core'
import { Equal, TrendingDown, TrendingUp } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../../i18n/format'
import { perMille } from './compare'

const SIGNS = {
  better: { Icon: TrendingUp, color: 'var(--stoa-bar)' },
  worse: { Icon: TrendingDown, color: 'var(--stoa-accent)' },
  same: { Icon: Equal, color: 'var(--mantine-color-dimmed)' },
}

interface DifferenceProps {
  /** A difference of shares, or of numbers. */
  value: number
  isNumber?: boolean
  lessIsBetter?: boolean
}

export function Difference({ value, isNumber, lessIsBetter = false }: DifferenceProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const isSame = perMille(value) === 0
  const sign = isSame ? 'same' : value < 0 === lessIsBetter ? 'better' : 'worse'
  const { Icon, color } = SIGNS[sign]
  return (
    <Group gap={6} justify="flex-end" wrap="nowrap">
      <Icon size={15} color={color} aria-hidden />
      {isNumber
        ? format.change(value)
        : t('evaluation.comparison.points', { points: format.change(value * 100) })}
      <Text span fz="xs" c="dimmed">
        {t(`evaluation.comparison.${sign}`)}
      </Text>
    </Group>
  )
}
