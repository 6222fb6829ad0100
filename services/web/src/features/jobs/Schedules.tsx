/** What starts by the clock, switched on and off, made and deleted. */
import { Button, Code, Group, Switch, Table, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Plus } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Schedule } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { focusPanel, Panel, PanelTable } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useFormat } from '../../i18n/format'
import { useAllAssistants } from '../assistants/queries'
import { useCanEdit } from '../session/queries'
import { CreateSchedule } from './CreateSchedule'
import { useDeleteSchedule, useEnableSchedule, useSchedules } from './queries'

export function Schedules() {
  const { t } = useTranslation()
  const schedules = useSchedules()
  const enable = useEnableSchedule()
  const remove = useDeleteSchedule()
  const canEdit = useCanEdit()
  const [creating, { open, close }] = useDisclosure()
  const columns = [
    { label: t('jobs.schedule') },
    { label: t('jobs.times') },
    { label: t('jobs.next') },
    { label: t('jobs.last') },
    { label: t('jobs.enabled') },
  ]
  const create = canEdit && (
    <Button variant="default" leftSection={<Plus size={18} aria-hidden />} onClick={open}>
      {t('jobs.newSchedule')}
    </Button>
  )
  return (
    <Panel id="schedules" title={t('jobs.schedules')} actions={create}>
      {(enable.error ?? remove.error) && <ProblemAlert error={enable.error ?? remove.error} />}
      <Loaded query={schedules} skeleton={[90]}>
        {items =>
          items.length === 0 ? (
            <Text c="dimmed">{t('jobs.schedulesEmpty')}</Text>
          ) : (
            <PanelTable
              caption={t('jobs.schedules')}
              minWidth={720}
              columns={canEdit ? [...columns, { label: t('jobs.action'), ta: 'right' }] : columns}
            >
              {items.map(schedule => (
                <ScheduleRow
                  key={schedule.name}
                  schedule={schedule}
                  canEdit={canEdit}
                  pending={enable.isPending && enable.variables.name === schedule.name}
                  onEnable={enabled =>
                    enable.mutate(
                      { name: schedule.name, enabled },
                      {
                        onSuccess: () =>
                          notifyDone(
                            t(enabled ? 'jobs.enabledDone' : 'jobs.disabledDone', {
                              name: schedule.name,
                            }),
                          ),
                      },
                    )
                  }
                  onDelete={() =>
                    remove.mutate(schedule.name, {
                      onSuccess: () => {
                        focusPanel('schedules')
                        notifyDone(t('jobs.deleteDone', { name: schedule.name }))
                      },
                    })
                  }
                />
              ))}
            </PanelTable>
          )
        }
      </Loaded>
      <CreateSchedule opened={creating} onClose={close} />
    </Panel>
  )
}

interface ScheduleRowProps {
  schedule: Schedule
  canEdit: boolean
  pending: boolean
  onEnable: (enabled: boolean) => void
  onDelete: () => void
}

function ScheduleRow({ schedule, canEdit, pending, onEnable, onDelete }: ScheduleRowProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const assistants = useAllAssistants()
  const { name, cron, time_zone: zone, job, upcoming, last_at: last, enabled } = schedule
  const assistant = assistants.data?.find(({ id }) => id === job.assistant_id)
  const next = upcoming[0] ? format.timeIn(upcoming[0], zone) : undefined
  return (
    <Table.Tr>
      <Table.Th scope="row">
        {name}
        <Text fz="xs" fw={400} c="dimmed">
          {t('jobs.trains', { name: assistant?.name ?? job.assistant_id.slice(-8) })}
        </Text>
      </Table.Th>
      <Table.Td>
        <Group gap={6}>
          <Code>{cron}</Code>
          <Text fz="xs" c="dimmed">
            {zone}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td>
        {next?.text ?? t('jobs.none')}
        <Text fz="xs" c="dimmed">
          {next?.zone}
        </Text>
      </Table.Td>
      <Table.Td>{last ? <Ago at={last} /> : t('app.never')}</Table.Td>
      <Table.Td>
        <Switch
          checked={enabled}
          disabled={!canEdit || pending}
          aria-label={t('jobs.enableLabel', { name })}
          onChange={event => onEnable(event.currentTarget.checked)}
        />
      </Table.Td>
      {canEdit && (
        <Table.Td ta="right">
          <Button
            size="compact-sm"
            variant="default"
            aria-label={t('jobs.deleteLabel', { name })}
            onClick={onDelete}
          >
            {t('jobs.delete')}
          </Button>
        </Table.Td>
      )}
    </Table.Tr>
  )
}
