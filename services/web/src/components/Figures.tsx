/** Figures side by side, the one that matters most in the accent colour. */
import classes from './Figures.module.css'

export interface Figure {
  name: string
  value: string
  /** What it means, on hover. */
  hint?: string
  main?: boolean
}

export function Figures({ figures }: { figures: Figure[] }) {
  return (
    <dl className={classes.metrics}>
      {figures.map(({ name, value, hint, main }) => (
        <div key={name} title={hint} className={main ? classes.main : undefined}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
