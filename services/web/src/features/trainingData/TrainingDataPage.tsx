/** Training data: upload a file, see what is in it. */
import { Card, Group, SimpleGrid, Stack, Text, Title } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ButtonLink } from '../../components/ButtonLink'
import { DocumentProblem } from '../../components/DocumentProblem'
import { FileDrop } from '../../components/FileDrop'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { PageHeader } from '../../components/PageHeader'
import { useFormat } from '../../i18n/format'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { useCanEdit } from '../session/queries'
import { ExportFile } from './ExportFile'
import { FileRefusal, type RefusedFile } from './FileRefusal'
import { Formats } from './Formats'
import { ACCEPT, readTextFile } from './files'
import { Hints } from './Hints'
import { ImportFile } from './ImportFile'
import { IntentTable } from './IntentTable'
import { useTrainingData, useUploadTrainingData } from './queries'
import { summarize } from './summarize'

export default function TrainingDataPage() {
  const { t } = useTranslation()
  const { id, name } = useCurrentAssistant()
  const data = useTrainingData(id)
  const canEdit = useCanEdit()
  return (
    <>
      <PageHeader context={name} title={t('data.title')} intro={t('data.intro')}>
        <ButtonLink
          to="/assistants/$assistantId/history"
          params={{ assistantId: id }}
          variant="default"
        >
          {t('data.history.title')}
        </ButtonLink>
        {data.data && data.data.examples.length > 0 && (
          <ButtonLink to="/assistants/$assistantId/training" params={{ assistantId: id }}>
            {t('data.trainNext')}
          </ButtonLink>
        )}
      </PageHeader>
      <Stack gap="xl">
        {canEdit && <Upload assistantId={id} replaces={Boolean(data.data?.examples.length)} />}
        <Loaded query={data} skeleton={[300]}>
          {loaded => {
            const summary = summarize(loaded)
            return summary ? <IntentTable assistantId={id} summary={summary} /> : <NoData />
          }}
        </Loaded>
        <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
          {canEdit && <ImportFile assistantId={id} />}
          {Boolean(data.data?.examples.length) && <ExportFile assistantId={id} />}
        </SimpleGrid>
      </Stack>
    </>
  )
}

interface UploadProps {
  assistantId: string
  /** Whether there is data that an upload would replace. */
  replaces: boolean
}

function Upload({ assistantId, replaces }: UploadProps) {
  const { t } = useTranslation()
  const format = useFormat()
  const upload = useUploadTrainingData(assistantId)
  const [refused, setRefused] = useState<RefusedFile>()
  const send = async (file: File) => {
    const read = await readTextFile(file)
    upload.reset()
    if (typeof read === 'string') return setRefused({ name: file.name, reason: read })
    setRefused(undefined)
    upload.mutate(read, {
      onSuccess: ({ examples, intents }) =>
        notifyDone(
          t('data.uploaded', {
            name: read.name,
            examples: format.number(examples),
            intents: format.number(intents),
          }),
        ),
    })
  }
  return (
    <Stack>
      <FileDrop
        accept={ACCEPT}
        title={
          upload.isPending ? t('data.uploading', { name: upload.variables.name }) : t('data.drop')
        }
        hint={replaces ? `${t('data.dropHint')}. ${t('data.replaces')}` : t('data.dropHint')}
        choose={t('data.choose')}
        disabled={false}
        loading={upload.isPending}
        onFile={send}
      />
      {refused && <FileRefusal file={refused} />}
      {upload.error && (
        <DocumentProblem
          error={upload.error}
          source={upload.variables.text}
          name={upload.variables.name}
        />
      )}
      {upload.data && <Hints hints={upload.data.hints} />}
    </Stack>
  )
}

function NoData() {
  const { t } = useTranslation()
  return (
    <Card>
      <Title order={2} fz="xl">
        {t('data.emptyTitle')}
      </Title>
      <Group mt={4} mb="md">
        <Text c="dimmed">{t('data.emptyText')}</Text>
      </Group>
      <Formats />
    </Card>
  )
}
