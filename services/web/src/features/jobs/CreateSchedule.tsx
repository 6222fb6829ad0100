/** The dialog that makes a schedule. */
import { Button, Checkbox, Group, Modal, NativeSelect, Stack, TextInput } from '@mantine/core'
import { useForm } from '@mantine/form'
import { useTranslation } from 'react-i18next'
import { notifyDone } from '../../components/notify'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useAllAssistants } from '../assistants/queries'
import { useCreateSchedule } from './queries'

interface CreateScheduleProps {
  opened: boolean
  onClose: () => void
}

export function CreateSchedule({ opened, onClose }: CreateScheduleProps) {
  const { t } = useTranslation()
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t('jobs.newSchedule')}
      closeButtonProps={{ 'aria-label': t('app.close') }}
    >
      <ScheduleForm onClose={onClose} />
    </Modal>
  )
}

function ScheduleForm({ onClose }: Pick<CreateScheduleProps, 'onClose'>) {
  const { t } = useTranslation()
  const assistants = useAllAssistants()
  const create = useCreateSchedule()
  const form = useForm({
    initialValues: {
      name: '',
      assistant: '',
      cron: '30 3 * * *',
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      activate: true,
    },
    validate: {
      name: value => (value.trim() ? null : t('jobs.nameMissing')),
      assistant: value => (value ? null : t('jobs.assistantMissing')),
      cron: value => (value.trim() ? null : t('jobs.cronMissing')),
    },
  })
  const submit = form.onSubmit(({ name, assistant, cron, zone, activate }) =>
    create.mutate(
      {
        name: name.trim(),
        cron: cron.trim(),
        time_zone: zone.trim() || 'UTC',
        job: { kind: 'retrain', assistant_id: assistant, activate },
      },
      {
        onSuccess: () => {
          onClose()
          notifyDone(t('jobs.createDone', { name: name.trim() }))
        },
      },
    ),
  )
  const options = (assistants.data ?? []).map(({ id, name }) => ({ value: id, label: name }))
  return (
    <form onSubmit={submit} noValidate>
      <Stack>
        {create.error && <ProblemAlert error={create.error} />}
        {assistants.error && (
          <ProblemAlert error={assistants.error} onRetry={() => assistants.refetch()} />
        )}
        <TextInput
          label={t('jobs.name')}
          description={t('jobs.nameHint')}
          data-autofocus
          autoComplete="off"
          {...form.getInputProps('name')}
        />
        <NativeSelect
          label={t('jobs.assistant')}
          data={[{ value: '', label: t('jobs.chooseAssistant') }, ...options]}
          {...form.getInputProps('assistant')}
        />
        <TextInput
          label={t('jobs.cron')}
          description={t('jobs.cronHint')}
          autoComplete="off"
          {...form.getInputProps('cron')}
        />
        <TextInput label={t('jobs.zone')} autoComplete="off" {...form.getInputProps('zone')} />
        <Checkbox
          label={t('training.activate')}
          {...form.getInputProps('activate', { type: 'checkbox' })}
        />
        <Group justify="flex-end" mt="xs">
          <Button variant="default" onClick={onClose}>
            {t('app.cancel')}
          </Button>
          <Button type="submit" loading={create.isPending}>
            {t('jobs.createSubmit')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
