/** A WebSocket whose other end is the test. */
import { vi } from 'vitest'

export class FakeSocket {
  static readonly OPEN = 1
  static last: FakeSocket | undefined
  readyState = 0
  sent: string[] = []
  onopen?: () => void
  onmessage?: (event: { data: string }) => void
  onclose?: () => void

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {
    FakeSocket.last = this
  }

  send(data: string) {
    this.sent.push(data)
  }

  close() {
    this.readyState = 3
    this.onclose?.()
  }

  accept() {
    this.readyState = FakeSocket.OPEN
    this.onopen?.()
  }

  receive(event: object) {
    this.onmessage?.({ data: JSON.stringify(event) })
  }
}

/** Every WebSocket from now on is a fake one. */
export function fakeSockets() {
  FakeSocket.last = undefined
  vi.stubGlobal('WebSocket', FakeSocket)
}
