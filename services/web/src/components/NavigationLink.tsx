/** One line of the navigation; the router marks the active one. */
import { createLink, type LinkComponent } from '@tanstack/react-router'
import type { LucideIcon } from 'lucide-react'
import { type AnchorHTMLAttributes, forwardRef } from 'react'
import classes from './Shell.module.css'

interface LineProps extends AnchorHTMLAttributes<HTMLAnchorElement> {
  icon: LucideIcon
  label: string
}

const Line = forwardRef<HTMLAnchorElement, LineProps>(({ icon: Icon, label, ...rest }, ref) => (
  <a ref={ref} {...rest} className={classes.link}>
    <Icon size={17} strokeWidth={1.8} aria-hidden="true" />
    {label}
  </a>
))
Line.displayName = 'Line'

const Created = createLink(Line)

export const NavigationLink: LinkComponent<typeof Line> = props => <Created {...props} />
