/** Stoa's look: warm marble, Aegean blue for what acts, terracotta for what matters. */
import {
  Button,
  Card,
  type CSSVariablesResolver,
  createTheme,
  type MantineColorsTuple,
  Modal,
  Paper,
} from '@mantine/core'

const aegean: MantineColorsTuple = [
  '#edf5f7',
  '#dbeaee',
  '#b7d5dd',
  '#8ebecb',
  '#67a7b8',
  '#4690a4',
  '#2b7a8e',
  '#246a7c',
  '#1f5a6b',
  '#174653',
]

const terracotta: MantineColorsTuple = [
  '#fbf1eb',
  '#f6e2d6',
  '#ecc4ae',
  '#e2a583',
  '#d98860',
  '#cf7045',
  '#bd5c32',
  '#a54e29',
  '#8b4122',
  '#6f341b',
]

/** Warm greys; shade 6 is the dimmed text and keeps 4.5:1 on the page. */
const gray: MantineColorsTuple = [
  '#faf8f5',
  '#f4f0ea',
  '#eae4db',
  '#dcd4c8',
  '#c2b8a9',
  '#9c9182',
  '#6b6257',
  '#565046',
  '#3d3832',
  '#262320',
]

/** Cool darks; shade 2 is the dimmed text. */
const dark: MantineColorsTuple = [
  '#e3e7e8',
  '#c1c8cb',
  '#a2acb1',
  '#78848a',
  '#3b464c',
  '#2d363b',
  '#242c31',
  '#1c2327',
  '#14191c',
  '#0f1315',
]

const SERIF = "'Source Serif 4 Variable', Georgia, serif"

export const theme = createTheme({
  colors: { aegean, terracotta, gray, dark },
  primaryColor: 'aegean',
  primaryShade: { light: 8, dark: 6 },
  autoContrast: false,
  black: '#23292c',
  fontFamily: "'Inter Variable', system-ui, sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
  headings: { fontFamily: SERIF, fontWeight: '560' },
  defaultRadius: 'md',
  radius: { md: '10px' },
  cursorType: 'pointer',
  components: {
    Button: Button.extend({ defaultProps: { radius: 'md' } }),
    Card: Card.extend({ defaultProps: { withBorder: true, radius: 'lg', padding: 'lg' } }),
    Paper: Paper.extend({ defaultProps: { radius: 'lg' } }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        radius: 'lg',
        overlayProps: { blur: 2 },
        // What is typed in a dialog is gone with it: a slip beside it must not close it.
        closeOnClickOutside: false,
      },
    }),
  },
})

/** Surfaces take Mantine's body colour; the page behind them has its own. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: { '--stoa-serif': SERIF },
  light: {
    '--mantine-color-body': '#ffffff',
    '--mantine-color-default-border': 'var(--mantine-color-gray-2)',
    '--mantine-color-placeholder': 'var(--mantine-color-gray-6)',
    '--mantine-color-red-light': '#fbecea',
    '--stoa-page': 'var(--mantine-color-gray-0)',
    '--stoa-accent': 'var(--mantine-color-terracotta-7)',
    '--stoa-quiet': 'var(--mantine-color-gray-1)',
    '--stoa-track': 'var(--mantine-color-gray-2)',
    '--stoa-bar': 'var(--mantine-color-aegean-6)',
    '--stoa-bar-quiet': 'var(--mantine-color-aegean-2)',
  },
  dark: {
    '--mantine-color-body': 'var(--mantine-color-dark-7)',
    '--mantine-color-default-border': 'var(--mantine-color-dark-5)',
    '--mantine-color-placeholder': 'var(--mantine-color-dark-2)',
    // Mantine's own are near black or glaring on these surfaces.
    '--mantine-color-aegean-light': 'rgb(70 144 164 / 24%)',
    '--mantine-color-aegean-light-hover': 'rgb(70 144 164 / 32%)',
    '--mantine-color-terracotta-light': 'rgb(207 112 69 / 20%)',
    '--mantine-color-red-light': 'rgb(224 70 60 / 14%)',
    '--mantine-color-red-light-color': '#ffb4ad',
    '--stoa-page': 'var(--mantine-color-dark-8)',
    '--stoa-accent': 'var(--mantine-color-terracotta-3)',
    '--stoa-quiet': 'var(--mantine-color-dark-7)',
    '--stoa-track': 'var(--mantine-color-dark-5)',
    '--stoa-bar': 'var(--mantine-color-aegean-4)',
    '--stoa-bar-quiet': 'var(--mantine-color-aegean-9)',
  },
})
