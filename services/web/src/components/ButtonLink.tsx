/** Mantine's controls as links of the router, typed by its routes. */
import { Button, type ButtonProps } from '@mantine/core'
import { createLink, type LinkComponent } from '@tanstack/react-router'
import { type AnchorHTMLAttributes, forwardRef } from 'react'

type AnchorButtonProps = ButtonProps &
  Omit<AnchorHTMLAttributes<HTMLAnchorElement>, keyof ButtonProps>

const AnchorButton = forwardRef<HTMLAnchorElement, AnchorButtonProps>((props, ref) => (
  <Button ref={ref} component="a" {...props} />
))
AnchorButton.displayName = 'AnchorButton'

const Created = createLink(AnchorButton)

/** A button that goes somewhere. */
export const ButtonLink: LinkComponent<typeof AnchorButton> = props => <Created {...props} />
