/** The dialog that makes a key, and shows its secret this once. */
import {
  Alert,
  Button,
  Checkbox,
  Group,
  Modal,
  NativeSelect,
  Stack,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'
import type { Role, Scope } from '../../api/types'
import { CopyText } from '../../components/CopyText'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useAllAssistants } from '../assistants/queries'
import { useCreateApiKey } from './queries'
import { ROLES } from './roles'

const SCOPES: Scope[] = ['parse', 'converse', 'manage']
/** Days after which a key expires; 0 is never. */
const LIVES = [30, 90, 365, 0] as const
const DAY_MS = 86_400_000

interface CreateApiKeyProps {
  opened: boolean
  onClose: () => void
}

export function CreateApiKey({ opened, onClose }: CreateApiKeyProps) {
  const { t } = useTranslation()
  const create = useCreateApiKey()
  const created = create.data
  const close = () => {
    // It may be made already, and nobody would have seen its secret.
    if (create.isPending) return
    create.reset()
    onClose()
  }
  return (
    <Modal
      opened={opened}
      onClose={close}
      title={created ? t('account.secretTitle', { name: created.name }) : t('account.newKey')}
      // The secret is gone with the dialog: a slip must not close it.
      closeOnEscape={!created}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      {created ? (
        <Secret secret={created.key} onClose={close} />
      ) : (
        <KeyForm create={create} onClose={close} />
      )}
    </Modal>
  )
}

interface KeyFormProps {
  create: ReturnType<typeof useCreateApiKey>
  onClose: () => void
}

function KeyForm({ create, onClose }: KeyFormProps) {
  const { t } = useTranslation()
  const assistants = useAllAssistants()
  const form = useForm({
    initialValues: {
      name: '',
      role: 'viewer' as Role,
      scopes: ['parse', 'converse'] as string[],
      assistant: '',
      days: '90',
    },
    validate: {
      name: value => (value.trim() ? null : t('account.nameMissing')),
      scopes: value => (value.length > 0 ? null : t('account.scopesMissing')),
    },
  })
  const submit = form.onSubmit(({ name, role, scopes, assistant, days }) => {
    const life = Number(days) * DAY_MS
    create.mutate({
      name: name.trim(),
      role,
      scopes: SCOPES.filter(scope => scopes.includes(scope)),
      assistant_id: assistant || null,
      expires_at: life ? new Date(Date.now() + life).toISOString() : null,
    })
  })
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {create.error && <ProblemAlert error={create.error} />}
        {assistants.error && (
          <ProblemAlert error={assistants.error} onRetry={() => assistants.refetch()} />
        )}
        <TextInput
          label={t('account.name')}
          description={t('account.nameHint')}
          maxLength={100}
          data-autofocus
          {...form.getInputProps('name')}
        />
        <NativeSelect
          label={t('account.role')}
          data={ROLES.map(value => ({ value, label: t(`roles.${value}`) }))}
          {...form.getInputProps('role')}
        />
        <Checkbox.Group label={t('account.for')} {...form.getInputProps('scopes')}>
          <Stack gap="xs" mt="xs">
            {SCOPES.map(scope => (
              <Checkbox key={scope} value={scope} label={t(`account.scopes.${scope}`)} />
            ))}
          </Stack>
        </Checkbox.Group>
        <NativeSelect
          label={t('account.assistant')}
          data={[
            { value: '', label: t('account.anyAssistant') },
            ...(assistants.data ?? []).map(({ id, name }) => ({ value: id, label: name })),
          ]}
          {...form.getInputProps('assistant')}
        />
        <NativeSelect
          label={t('account.expires')}
          data={LIVES.map(days => ({
            value: String(days),
            label: days ? t('account.inDays', { days }) : t('app.never'),
          }))}
          {...form.getInputProps('days')}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" disabled={create.isPending} onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('account.createSubmit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

function Secret({ secret, onClose }: { secret: string; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Stack>
      <Alert color="terracotta" variant="light" role="status">
        {t('account.secretText')}
      </Alert>
      <TextInput
        label={t('account.secret')}
        value={secret}
        readOnly
        data-autofocus
        styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)' } }}
        onFocus={event => event.currentTarget.select()}
      />
      <Group justify="flex-end">
        <CopyText value={secret} variant="default">
          {t('account.copy')}
        </CopyText>
        <Button onClick={onClose}>{t('account.secretDone')}</Button>
      </Group>
    </Stack>
  )
}
