/** Lets what shows an age show it anew as time goes on; one timer serves all. */
import { useSyncExternalStore } from 'react'

/** An age of seconds is not far behind, and an age of days costs little. */
const TICK_MS = 5_000

const listeners = new Set<() => void>()
let ticks = 0
let timer: ReturnType<typeof setInterval> | undefined

function tick() {
  ticks += 1
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(tick, TICK_MS)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

export function useTick() {
  useSyncExternalStore(subscribe, () => ticks)
}
