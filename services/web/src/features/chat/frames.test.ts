import { expect, test } from 'vitest'
import { readFrame } from './frames'

test('an event is read', () => {
  const text = '{"event":"user","sequence":1,"text":"a","parse":null}'
  expect(readFrame(text)).toMatchObject({ kind: 'event', event: { sequence: 1 } })
})

test('a refusal names the message that it is for', () => {
  const text = '{"problem":{"code":"conflict"},"idempotency_key":"k"}'
  expect(readFrame(text)).toMatchObject({
    kind: 'refusal',
    key: 'k',
    problem: { code: 'conflict' },
  })
})

test.each(['{"type":"ping"}', 'not json', '3'])('the frame %s is left out', text => {
  expect(readFrame(text)).toBeUndefined()
})
