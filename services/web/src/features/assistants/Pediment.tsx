/** What the four pillars carry, and the steps that they stand on: decoration only. */
import classes from './Pediment.module.css'

export function Pediment() {
  return (
    <svg
      className={classes.pediment}
      viewBox="0 0 1000 70"
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      <path className={classes.roof} d="M500 7 L955 49 H45 Z" vectorEffect="non-scaling-stroke" />
      <rect className={classes.beam} y="60" width="1000" height="10" />
    </svg>
  )
}

export function Steps() {
  return (
    <div className={classes.steps} aria-hidden="true">
      <div />
      <div />
    </div>
  )
}
