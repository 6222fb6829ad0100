// Sets the colour scheme before the first paint. A file and not an inline script, so that the
// content security policy needs no exception. The key is the one Mantine stores the choice under.
const stored = localStorage.getItem('mantine-color-scheme-value')
const dark = matchMedia('(prefers-color-scheme: dark)').matches
const scheme = stored === 'light' || stored === 'dark' ? stored : dark ? 'dark' : 'light'
document.documentElement.setAttribute('data-mantine-color-scheme', scheme)
