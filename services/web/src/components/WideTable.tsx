/** A table that scrolls sideways where it is too wide, with the keyboard too. */
import { Table, type TableProps } from '@mantine/core'

interface WideTableProps extends TableProps {
  /** Width in pixels from which on it scrolls instead of shrinking. */
  minWidth: number
  label: string
}

export function WideTable({ minWidth, label, ...table }: WideTableProps) {
  const viewportProps = { tabIndex: 0, role: 'group', 'aria-label': label }
  return (
    <Table.ScrollContainer minWidth={minWidth} scrollAreaProps={{ viewportProps }}>
      <Table {...table} />
    </Table.ScrollContainer>
  )
}
