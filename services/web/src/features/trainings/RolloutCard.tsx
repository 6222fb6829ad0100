/** What is tried beside the active version: a canary, a shadow, and what was seen of them. */
import { SimpleGrid, Stack, Text } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Model, Rollout } from '../../api/types'
import { Loaded } from '../../components/Loaded'
import { Panel } from '../../components/Panel'
import { ProblemAlert } from '../../components/ProblemAlert'
import { useCanEdit } from '../session/queries'
import { useActivateModel, useAllModels, useRollout, useUpdateRollout } from './queries'
import { Sightings } from './Sightings'
import { TryCanary } from './TryCanary'
import { TryShadow } from './TryShadow'

interface RolloutCardProps {
  assistantId: string
}

export function RolloutCard({ assistantId }: RolloutCardProps) {
  const { t } = useTranslation()
  const models = useAllModels(assistantId)
  const rollout = useRollout(assistantId)
  return (
    <Panel id="rollout" title={t('rollout.title')}>
      <Text c="dimmed" fz="sm" mb="md">
        {t('rollout.text')}
      </Text>
      <Loaded query={models} skeleton={[120]}>
        {items => (
          <Loaded query={rollout} skeleton={[120]}>
            {found => <Trials assistantId={assistantId} models={items} rollout={found} />}
          </Loaded>
        )}
      </Loaded>
    </Panel>
  )
}

interface TrialsProps {
  assistantId: string
  models: Model[]
  rollout: Rollout
}

function Trials({ assistantId, models, rollout }: TrialsProps) {
  const { t } = useTranslation()
  const canEdit = useCanEdit()
  const update = useUpdateRollout(assistantId)
  const activate = useActivateModel(assistantId)
  if (models.length < 2) return <Text>{t('rollout.tooFew')}</Text>
  if (rollout.active_model == null) return <Text>{t('rollout.noActive')}</Text>
  const { canary, shadow } = rollout
  const error = update.error ?? activate.error
  const trial = {
    rollout,
    versions: triable(models, rollout),
    update: canEdit ? update : undefined,
    busy: update.isPending || activate.isPending,
  }
  return (
    <Stack gap="lg">
      {error && <ProblemAlert error={error} />}
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
        <TryCanary {...trial} activate={activate} />
        <TryShadow {...trial} />
      </SimpleGrid>
      {canEdit && (
        <Text fz="sm" c="dimmed">
          {t('rollout.forgets')}
        </Text>
      )}
      {(canary || shadow) && <Sightings rollout={rollout} />}
    </Stack>
  )
}

/** The versions that can be tried; one that is tried is among them, however old it is. */
function triable(models: Model[], { active_model, canary, shadow }: Rollout): number[] {
  const tried = [canary?.version, shadow?.version].filter(version => version != null)
  const versions = new Set([...models.map(({ version }) => version), ...tried])
  return [...versions].filter(version => version !== active_model).sort((a, b) => b - a)
}
