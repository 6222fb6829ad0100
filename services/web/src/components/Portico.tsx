/** The walk of columns beside the sign-in: decoration only, drawn from a few numbers. */
import { useId } from 'react'
import classes from './Portico.module.css'

/** Columns of the walk, nearest first: the place of the axis and the scale in perspective. */
const COLUMNS = [
  { x: 92, scale: 1 },
  { x: 258, scale: 0.78 },
  { x: 386, scale: 0.61 },
  { x: 486, scale: 0.48 },
  { x: 565, scale: 0.375 },
  { x: 627, scale: 0.295 },
]

/** The height of the eye: everything shrinks towards this line. */
const HORIZON = 610

interface ColumnProps {
  x: number
  scale: number
  fill: string
}

function Column({ x, scale, fill }: ColumnProps) {
  const transform = `translate(${x} ${HORIZON}) scale(${scale})`
  return (
    <g transform={transform}>
      <path className={classes.shadow} d="M-30 262 L44 262 L330 318 L210 318 Z" />
      <rect x={-62} y={-452} width={124} height={26} rx={3} className={classes.stone} />
      <path d="M-52 -426 H52 L38 -394 H-38 Z" className={classes.stone} />
      <path d="M-36 -394 H36 L44 246 H-44 Z" fill={fill} />
      {[-22, -8, 6, 20].map(flute => (
        <path
          key={flute}
          className={classes.flute}
          d={`M${flute} -388 L${flute * 1.22} 240`}
          strokeWidth={3}
        />
      ))}
      <rect x={-56} y={240} width={112} height={22} rx={4} className={classes.stone} />
    </g>
  )
}

export function Portico() {
  const id = useId()
  return (
    <svg
      className={classes.root}
      viewBox="0 0 720 960"
      preserveAspectRatio="xMinYMid slice"
      aria-hidden="true"
    >
      <defs>
        <linearGradient id={`${id}sky`} x1="0" y1="0" x2="0" y2="1">
          <stop offset="0" className={classes.skyTop} />
          <stop offset="0.64" className={classes.skyLow} />
        </linearGradient>
        <linearGradient id={`${id}shaft`} x1="0" y1="0" x2="1" y2="0">
          <stop offset="0" className={classes.shaftDark} />
          <stop offset="0.7" className={classes.shaftLight} />
          <stop offset="1" className={classes.shaftMid} />
        </linearGradient>
      </defs>
      <rect width="720" height="960" fill={`url(#${id}sky)`} />
      <circle cx="640" cy="540" r="58" className={classes.sun} />
      <path d="M380 610 Q470 560 560 592 T720 576 V610 Z" className={classes.hill} />
      <rect y="610" width="720" height="350" className={classes.floor} />
      <path d="M0 0 H720 V468 L0 158 Z" className={classes.beam} />
      <path d="M0 130 L720 456 V486 L0 196 Z" className={classes.cornice} />
      {[...COLUMNS].reverse().map(column => (
        <Column key={column.x} {...column} fill={`url(#${id}shaft)`} />
      ))}
    </svg>
  )
}
