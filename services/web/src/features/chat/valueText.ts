/** A slot's or an entity's value as text: any JSON may stand there. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}
