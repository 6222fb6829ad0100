/** What is wrong in a document, each place with its line shown and the column marked. */
import { Alert, Box, Stack, Text, UnstyledButton } from '@mantine/core'
import { FileWarning } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { asProblem } from '../api/problem'
import type { FieldError } from '../api/types'
import classes from './DocumentProblem.module.css'
import { ProblemAlert } from './ProblemAlert'
import { useProblemText } from './useProblemText'

/** So many places are shown; the others show when these are mended. */
const SHOWN = 10

interface DocumentProblemProps {
  error: unknown
  /** The document as it was sent. */
  source: string
  name?: string
  /** Goes to a place, where there is an editor. */
  onGoTo?: (line: number, column: number) => void
}

export function DocumentProblem({ error, source, name, onGoTo }: DocumentProblemProps) {
  const { t } = useTranslation()
  const { problem } = asProblem(error)
  const { title, detail } = useProblemText(error)
  const places = problem?.errors ?? []
  if (places.length === 0) return <ProblemAlert error={error} />
  const lines = source.split(/\r\n|\r|\n/)
  return (
    <Alert
      role="alert"
      color="red"
      variant="light"
      icon={<FileWarning size={20} aria-hidden="true" />}
      title={`${name ? `${name}: ` : ''}${t('problems.places', { count: places.length })}`}
    >
      {detail && detail !== title && (
        <Text fz="sm" mb="sm">
          {detail}
        </Text>
      )}
      <Stack gap="sm" component="ol" className={classes.list}>
        {places.slice(0, SHOWN).map(place => (
          <li key={`${place.line}:${place.column}:${place.pointer}:${place.message}`}>
            <Place place={place} source={lines[(place.line ?? 0) - 1]} onGoTo={onGoTo} />
          </li>
        ))}
      </Stack>
      {places.length > SHOWN && (
        <Text fz="sm" c="dimmed" mt="xs">
          {t('problems.moreRows', { count: places.length - SHOWN })}
        </Text>
      )}
    </Alert>
  )
}

interface PlaceProps {
  place: FieldError
  source: string | undefined
  onGoTo: DocumentProblemProps['onGoTo']
}

function Place({ place, source, onGoTo }: PlaceProps) {
  const { t } = useTranslation()
  const { line, column, pointer, message } = place
  const where = line
    ? column
      ? t('problems.lineColumn', { line, column })
      : t('problems.line', { line })
    : pointer
  return (
    <Box>
      <Text fz="sm">
        {where && line && onGoTo ? (
          <UnstyledButton className={classes.where} onClick={() => onGoTo(line, column ?? 1)}>
            {where}
          </UnstyledButton>
        ) : (
          <b>{where}</b>
        )}{' '}
        {message}
      </Text>
      {line && source !== undefined && <SourceLine line={line} column={column} text={source} />}
    </Box>
  )
}

/** Characters shown before the marked one: enough to recognise the place in a long line. */
const LEAD = 60

interface SourceLineProps {
  line: number
  column: number | null | undefined
  text: string
}

function SourceLine({ line, column, text }: SourceLineProps) {
  // Columns count Unicode scalar values, as `Array.from` does and indices into a string do not.
  const characters = Array.from(text.replaceAll('\t', ' '))
  const at = column ? Math.min(column - 1, characters.length) : undefined
  const from = at !== undefined && at > LEAD ? at - LEAD : 0
  const before = characters.slice(from, at).join('')
  const marked = at === undefined ? '' : (characters[at] ?? ' ')
  const after = at === undefined ? '' : characters.slice(at + 1, at + 80).join('')
  return (
    <pre className={classes.source} aria-hidden="true">
      <span className={classes.number}>{line}</span>
      {from > 0 && '…'}
      {before}
      {at !== undefined && <mark className={classes.mark}>{marked}</mark>}
      {after}
    </pre>
  )
}
