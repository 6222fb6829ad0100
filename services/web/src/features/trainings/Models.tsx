/** The models of an assistant, and which one answers. */
import { Badge, Button, Card, Table, Text, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Model } from '../../api/types'
import { Ago } from '../../components/Ago'
import { Loaded } from '../../components/Loaded'
import { More } from '../../components/More'
import { notifyDone } from '../../components/notify'
import { focusPanel } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { WideTable } from '../../components/WideTable'
import { useFormat } from '../../i18n/format'
import { useCanEdit } from '../session/queries'
import { useActivateModel, useAllModels, useModels } from './queries'

interface ModelsProps {
  assistantId: string
}

export function Models({ assistantId }: ModelsProps) {
  const { t } = useTranslation()
  const models = useModels(assistantId)
  const active = useAllModels(assistantId).data?.find(({ active }) => active)
  const activate = useActivateModel(assistantId)
  return (
    <Card component="section" aria-labelledby="models">
      <Title order={2} fz="xl" id="models" mb="sm" tabIndex={-1}>
        {t('training.models')}
      </Title>
      {activate.error && <ProblemAlert error={activate.error} />}
      <Loaded query={models} skeleton={[120]}>
        {items =>
          items.length === 0 ? (
            <Text c="dimmed">{t('training.modelsEmpty')}</Text>
          ) : (
            <>
              <WideTable minWidth={480} label={t('training.models')} verticalSpacing="sm">
                <Table.Thead>
                  <Table.Tr>
                    <Table.Th>{t('training.model')}</Table.Th>
                    <Table.Th ta="right">{t('training.accuracy')}</Table.Th>
                    <Table.Th ta="right">{t('training.examples')}</Table.Th>
                    <Table.Th pl="xl">{t('training.made')}</Table.Th>
                    <Table.Th ta="right" w={160}>
                      {t('training.state')}
                    </Table.Th>
                  </Table.Tr>
                </Table.Thead>
                <Table.Tbody>
                  {withActive(items, active).map(model => (
                    <ModelRow
                      key={model.version}
                      model={model}
                      loading={activate.isPending && activate.variables === model.version}
                      onActivate={() =>
                        activate.mutate(model.version, {
                          onSuccess: () => {
                            focusPanel('models')
                            notifyDone(t('training.activated', { version: model.version }))
                          },
                        })
                      }
                    />
                  ))}
                </Table.Tbody>
              </WideTable>
              <More query={models} label={t('training.models')} />
            </>
          )
        }
      </Loaded>
    </Card>
  )
}

/** The one that answers stands there, however old it is. */
function withActive(models: Model[], active: Model | undefined): Model[] {
  const isThere = models.some(({ version }) => version === active?.version)
  return active && !isThere ? [...models, active] : models
}

interface ModelRowProps {
  model: Model
  loading: boolean
  onActivate: () => void
}

function ModelRow({ model, loading, onActivate }: ModelRowProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const canEdit = useCanEdit()
  const { version, active, metrics, created_at } = model
  return (
    <Table.Tr>
      <Table.Th scope="row">{t('assistants.version', { version })}</Table.Th>
      <Table.Td ta="right">
        {metrics.accuracy == null ? '–' : format.percent(metrics.accuracy, 1)}
      </Table.Td>
      <Table.Td ta="right">{format.number(metrics.examples)}</Table.Td>
      <Table.Td pl="xl">
        <Ago at={created_at} />
      </Table.Td>
      <Table.Td ta="right">
        {active ? (
          <Badge color="aegean" variant="filled" radius="sm" tt="none">
            {t('training.active')}
          </Badge>
        ) : (
          canEdit && (
            <Button
              size="compact-sm"
              variant="default"
              loading={loading}
              aria-label={t('training.activateLabel', { version })}
              onClick={onActivate}
            >
              {t('training.activateModel')}
            </Button>
          )
        )}
      </Table.Td>
    </Table.Tr>
  )
}
