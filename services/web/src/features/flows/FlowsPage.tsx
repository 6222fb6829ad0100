/** Flows: a document to write or to load from a file, checked by the server. */
import { Alert, Badge, Button, Card, Group, Stack, Text } from '@mantine/core'
import { CircleAlert } from 'lucide-react'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DocumentProblem } from '../../components/DocumentProblem'
import { Loaded } from '../../components/Loaded'
import { PageHeader } from '../../components/PageHeader'
import { useUnsaved } from '../../components/useUnsaved'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { useCanEdit } from '../session/queries'
import { FileRefusal, type RefusedFile } from '../trainingData/FileRefusal'
import { CodeEditor, type CodeEditorHandle } from './CodeEditor'
import { errorLines } from './errorLines'
import { LoadFile } from './LoadFile'
import { useFlows } from './queries'
import { useFlowsDraft } from './useFlowsDraft'

export default function FlowsPage() {
  const { t } = useTranslation()
  const { id, name } = useCurrentAssistant()
  const flows = useFlows(id)
  return (
    <>
      <PageHeader context={name} title={t('flows.title')} intro={t('flows.intro')} />
      <Loaded query={flows} skeleton={[480]}>
        {saved => <FlowsEditor assistantId={id} saved={saved} />}
      </Loaded>
    </>
  )
}

interface FlowsEditorProps {
  assistantId: string
  saved: string
}

function FlowsEditor({ assistantId, saved }: FlowsEditorProps) {
  const { t } = useTranslation()
  const canEdit = useCanEdit()
  const draft = useFlowsDraft(assistantId, saved)
  const { text, isChanged, isOutdated, save } = draft
  const editor = useRef<CodeEditorHandle>(null)
  const [refused, setRefused] = useState<RefusedFile>()
  useUnsaved(isChanged, t('flows.leave'))
  const write = (text: string) => {
    setRefused(undefined)
    draft.write(text)
  }
  const discard = () => {
    setRefused(undefined)
    draft.discard()
  }
  const load = (text: string) => {
    save.reset()
    write(text)
  }

  return (
    <Stack>
      <Card padding={0}>
        <Group justify="space-between" px="md" py="sm" mih={58}>
          <SavedBadge text={text} changed={isChanged} />
          {canEdit && (
            <Group gap="sm">
              {isChanged && (
                <Button variant="subtle" onClick={discard}>
                  {t('flows.revert')}
                </Button>
              )}
              <LoadFile isChanged={isChanged} onLoad={load} onRefuse={setRefused} />
              <Button
                disabled={!isChanged || isOutdated}
                loading={save.isPending}
                onClick={draft.submit}
              >
                {t('flows.save')}
              </Button>
            </Group>
          )}
        </Group>
        <CodeEditor
          ref={editor}
          label={t('flows.editor')}
          value={text}
          placeholder={t('flows.emptyText')}
          readOnly={!canEdit}
          errorLines={errorLines(save.error, text === save.variables?.text)}
          onChange={write}
          onSave={() => canEdit && draft.submit()}
        />
      </Card>
      {refused && <FileRefusal file={refused} />}
      {isOutdated && <Outdated onKeep={draft.overwrite} onTake={discard} />}
      {save.error && (
        <DocumentProblem
          error={save.error}
          source={save.variables.text}
          onGoTo={(line, column) => editor.current?.goTo(line, column)}
        />
      )}
    </Stack>
  )
}

interface OutdatedProps {
  onKeep: () => void
  onTake: () => void
}

/** Asks what is to become of what somebody else has saved meanwhile. */
function Outdated({ onKeep, onTake }: OutdatedProps) {
  const { t } = useTranslation()
  return (
    <Alert
      role="alert"
      color="terracotta"
      variant="light"
      title={t('flows.outdated')}
      icon={<CircleAlert size={20} aria-hidden />}
    >
      <Text fz="sm" mb="sm">
        {t('flows.outdatedText')}
      </Text>
      <Group gap="sm">
        <Button size="xs" onClick={onKeep}>
          {t('flows.keepMine')}
        </Button>
        <Button size="xs" variant="default" onClick={onTake}>
          {t('flows.takeTheirs')}
        </Button>
      </Group>
    </Alert>
  )
}

function SavedBadge({ text, changed }: { text: string; changed: boolean }) {
  const { t } = useTranslation()
  if (!text && !changed) {
    return (
      <Badge variant="outline" color="gray" tt="none" radius="sm">
        {t('flows.emptyTitle')}
      </Badge>
    )
  }
  return (
    <Badge
      variant="outline"
      color={changed ? 'terracotta' : 'aegean'}
      tt="none"
      radius="sm"
      role="status"
    >
      {changed ? t('flows.unsaved') : t('flows.valid')}
    </Badge>
  )
}
