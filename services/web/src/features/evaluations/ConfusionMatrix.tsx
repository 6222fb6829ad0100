/** The confusion matrix as a picture in a table: the darker a cell, the more of its row went there. */
import { Card, Table, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { EvaluationResult } from '../../api/types'
import { useFormat } from '../../i18n/format'
import classes from './ConfusionMatrix.module.css'
import { type Intent, matrixOf, type Pair, shade } from './matrix'

/** Intents that fit on a page. */
const SHOWN = 20

interface ConfusionMatrixProps {
  cells: EvaluationResult['confusion']
  chosen: Pair | undefined
  onChoose: (pair: Pair) => void
}

export function ConfusionMatrix({ cells, chosen, onChoose }: ConfusionMatrixProps) {
  const { t } = useTranslation()
  const { intents, counts, isPart } = matrixOf(cells, SHOWN)
  const name = (intent: Intent) => intent ?? t('evaluation.outOfScope')
  const viewportProps = { tabIndex: 0, role: 'group', 'aria-labelledby': 'matrix' }
  return (
    <Card component="section" aria-labelledby="matrix">
      <Title order={2} fz="xl" id="matrix">
        {t('evaluation.matrix')}
      </Title>
      <Text fz="sm" c="dimmed" mb="md">
        {t('evaluation.matrixText')}{' '}
        {isPart && t('evaluation.matrixSome', { count: intents.length })}
      </Text>
      <Table.ScrollContainer minWidth={0} scrollAreaProps={{ viewportProps }}>
        <table className={classes.matrix}>
          <thead>
            <tr>
              <td className={classes.corner}>
                {t('evaluation.expected')} ↓ {t('evaluation.predicted')} →
              </td>
              {intents.map(intent => (
                <th key={intent ?? ''} scope="col" className={classes.column}>
                  <span>{name(intent)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {intents.map((expected, row) => (
              <tr key={expected ?? ''}>
                <th scope="row" className={classes.row}>
                  {name(expected)}
                </th>
                {intents.map((predicted, column) => (
                  <Cell
                    key={predicted ?? ''}
                    pair={{ expected, predicted }}
                    count={counts[row]?.[column] ?? 0}
                    shade={shade(counts[row] ?? [], counts[row]?.[column] ?? 0)}
                    chosen={chosen?.expected === expected && chosen.predicted === predicted}
                    onChoose={onChoose}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Table.ScrollContainer>
    </Card>
  )
}

interface CellProps {
  pair: Pair
  count: number
  shade: number
  chosen: boolean
  onChoose: (pair: Pair) => void
}

/** How much of the colour is in the darkest cell; the figure stays legible on it. */
const DARKEST = 55

function Cell({ pair, count, shade, chosen, onChoose }: CellProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const { expected, predicted } = pair
  if (count === 0) return <td className={classes.empty} />
  const right = expected === predicted
  const color = `var(--mantine-color-${right ? 'aegean' : 'terracotta'}-5)`
  const style = { background: `color-mix(in srgb, ${color} ${shade * DARKEST}%, transparent)` }
  if (right) {
    return (
      <td className={classes.cell} style={style}>
        {format.number(count)}
      </td>
    )
  }
  const label = t('evaluation.cell', {
    expected: expected ?? t('evaluation.outOfScope'),
    predicted: predicted ?? t('evaluation.outOfScope'),
    count,
  })
  return (
    <td className={classes.cell} style={style}>
      <button
        type="button"
        className={classes.choose}
        aria-label={label}
        aria-pressed={chosen}
        title={label}
        onClick={() => onChoose(pair)}
      >
        {format.number(count)}
      </button>
    </td>
  )
}
