/** A time as "3 minutes ago", with the exact one on hover. */
import { useFormat } from '../i18n/format'
import { useTick } from './useTick'

interface AgoProps {
  at: string
}

export function Ago({ at }: AgoProps) {
  const format = useFormat()
  useTick()
  return (
    <time dateTime={at} title={format.time(at)} style={{ whiteSpace: 'nowrap' }}>
      {format.ago(at)}
    </time>
  )
}
