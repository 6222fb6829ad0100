/** Files that a user picks: text of a known kind, of a size that the API takes. */

export type MediaType = 'application/json' | 'application/yaml' | 'text/csv'

const MEDIA_TYPES: Record<string, MediaType> = {
  json: 'application/json',
  yaml: 'application/yaml',
  yml: 'application/yaml',
  csv: 'text/csv',
}

/** The endings for a file dialog. */
export const ACCEPT = Object.keys(MEDIA_TYPES)
  .map(ending => `.${ending}`)
  .join(',')

/** The largest upload that the API takes. */
const LIMIT = 5 * 1024 * 1024
/** The largest file that an import takes. */
export const IMPORT_LIMIT = 32 * 1024 * 1024

export interface TextFile {
  name: string
  text: string
  mediaType: MediaType
}

/** Why a file is not sent at all; the names are those of the texts in `data`. */
export type Refusal = 'unknownType' | 'tooLarge' | 'unreadable'

/** The file's text, or why it cannot be sent. */
export async function readTextFile(file: File, limit = LIMIT): Promise<TextFile | Refusal> {
  const ending = file.name.split('.').pop()?.toLowerCase() ?? ''
  const mediaType = MEDIA_TYPES[ending]
  if (!mediaType) return 'unknownType'
  if (file.size > limit) return 'tooLarge'
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer())
    return { name: file.name, text, mediaType }
  } catch {
    return 'unreadable'
  }
}
