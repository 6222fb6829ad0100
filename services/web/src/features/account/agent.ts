/** What a program calls itself, in two words. */
const BROWSERS: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\//, 'Firefox'],
  [/Chrome\//, 'Chrome'],
  [/Safari\//, 'Safari'],
]

const SYSTEMS: [RegExp, string][] = [
  [/Android/, 'Android'],
  [/iPhone|iPad/, 'iOS'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/Linux/, 'Linux'],
]

const nameIn = (names: [RegExp, string][], agent: string) =>
  names.find(([pattern]) => pattern.test(agent))?.[1]

/** "Firefox · Linux"; of what is no browser, the name before the version. */
export function describeAgent(agent: string): string {
  const browser = nameIn(BROWSERS, agent)
  if (!browser) return agent.split('/')[0] ?? agent
  return [browser, nameIn(SYSTEMS, agent)].filter(Boolean).join(' · ')
}
