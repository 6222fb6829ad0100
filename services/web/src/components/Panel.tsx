/** A part of the page: a heading, what can be done, and a table that has the heading as its caption. */
import { Card, Group, Table, Title } from '@mantine/core'
import type { ReactNode } from 'react'
import classes from './Panel.module.css'
import { WideTable } from './WideTable'

interface PanelProps {
  /** Names the heading in the document. */
  id: string
  title: string
  actions?: ReactNode
  children: ReactNode
}

export function Panel({ id, title, actions, children }: PanelProps) {
  return (
    <Card component="section" aria-labelledby={id}>
      <Group justify="space-between" mb="sm" mih={36}>
        <Title order={2} fz="xl" id={id} tabIndex={-1}>
          {title}
        </Title>
        {actions}
      </Group>
      {children}
    </Card>
  )
}

/**
 * Gives the focus to the heading of a panel: what has had it, a row with its button or the dialog that asked, is about to
 * go, and the focus would be nowhere. Whoever has moved on to another part of the page, or into a dialog, stays there.
 */
export function focusPanel(id: string, { fromDialog = false } = {}) {
  const heading = document.getElementById(id)
  const held = document.activeElement
  const isThere = fromDialog
    ? held?.closest('[role="dialog"]')
    : heading?.closest('section')?.contains(held)
  if (isThere || held === document.body) heading?.focus({ preventScroll: true })
}

interface PanelTableProps {
  caption: string
  minWidth: number
  /** The heading of each column, and where its text stands. */
  columns: { label: string; ta?: 'right' }[]
  children: ReactNode
}

export function PanelTable({ caption, minWidth, columns, children }: PanelTableProps) {
  return (
    <WideTable minWidth={minWidth} label={caption} verticalSpacing="sm">
      <Table.Caption className={classes.caption}>{caption}</Table.Caption>
      <Table.Thead>
        <Table.Tr>
          {columns.map(({ label, ta }) => (
            <Table.Th key={label} scope="col" ta={ta}>
              {label}
            </Table.Th>
          ))}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>{children}</Table.Tbody>
    </WideTable>
  )
}
