/** What the end-to-end tests share: the login, a look at a page, the data. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import { expect, type Page, test } from '@playwright/test'

/** A setting that has no default: `make up` writes both into `.stoa/demo.env`. */
function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set; run \`set -a; . .stoa/demo.env\` first`)
  return value
}

export async function signIn(page: Page) {
  await page.goto('/')
  await page.getByLabel('E-mail').fill(required('STOA_EMAIL'))
  await page.getByLabel('Password', { exact: true }).fill(required('STOA_PASSWORD'))
  await page.getByRole('button', { name: 'Sign in' }).click()
  await expect(page.getByRole('heading', { level: 1, name: 'Assistants' })).toBeVisible()
}

/** Checks the page with axe and keeps a picture of it. */
export async function look(page: Page, name: string) {
  const { violations } = await new AxeBuilder({ page }).analyze()
  const faults = violations.map(({ id, nodes }) => `${id}: ${nodes.map(n => n.html).join(' | ')}`)
  expect(faults, `accessibility faults on ${name}`).toEqual([])
  const path = resolve(test.info().config.metadata.output, 'screenshots', `${name}.png`)
  await page.screenshot({ path, fullPage: true })
}

/** Opens a page of the assistant that is open. */
export async function open(page: Page, name: string) {
  const navigation = page.getByRole('navigation', { name: 'Main' })
  await navigation.getByRole('link', { name, exact: true }).click()
  await expect(page.getByRole('heading', { level: 1, name })).toBeVisible()
}

/** A document of the tests. */
export function document(name: string): Buffer {
  return readFileSync(new URL(`./documents/${name}`, import.meta.url))
}

export async function say(page: Page, text: string) {
  await page.getByLabel('Your message').fill(text)
  await page.getByLabel('Your message').press('Enter')
}
