/** The three formats of training data by example. */
import { Code, Tabs } from '@mantine/core'
import { useTranslation } from 'react-i18next'

const EXAMPLES = [
  {
    name: 'YAML',
    text: `version: "3.1"
nlu:
  - intent: report_meter_reading
    examples: |
      - my meter shows [48213](reading)
      - I want to report my meter reading
  - intent: greet
    examples: |
      - hello
      - good morning`,
  },
  {
    name: 'JSON',
    text: `{
  "examples": [
    { "text": "hello", "intent": "greet" },
    {
      "text": "my meter shows 48213",
      "intent": "report_meter_reading",
      "entities": [{ "start": 15, "end": 20, "entity": "reading" }]
    }
  ]
}`,
  },
  {
    name: 'CSV',
    text: `text,intent
hello,greet
good morning,greet
"hello, I want to report my meter reading",report_meter_reading`,
  },
]

export function Formats() {
  const { t } = useTranslation()
  return (
    <Tabs defaultValue="YAML">
      <Tabs.List aria-label={t('data.formats')} mb="sm">
        {EXAMPLES.map(({ name }) => (
          <Tabs.Tab key={name} value={name}>
            {name}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {EXAMPLES.map(({ name, text }) => (
        <Tabs.Panel key={name} value={name}>
          <Code block tabIndex={0} fz={13}>
            {text}
          </Code>
        </Tabs.Panel>
      ))}
    </Tabs>
  )
}
