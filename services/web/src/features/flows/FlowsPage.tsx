/** Flows: a document to write or to load from a file, checked by the server. */
import { Badge, Button, Card, FileButton, Group, Stack } from '@mantine/core'
import { useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { DocumentProblem } from '../../components/DocumentProblem'
import { Loaded } from '../../components/Loaded'
import { notifyDone } from '../../components/notify'
import { PageHeader } from '../../components/PageHeader'
import { useUnsaved } from '../../components/useUnsaved'
import { useCurrentAssistant } from '../assistants/useCurrentAssistant'
import { useCanEdit } from '../session/queries'
import { CodeEditor, type CodeEditorHandle } from './CodeEditor'
import { errorLines } from './errorLines'
import { useFlows, useSaveFlows } from './queries'

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
  const save = useSaveFlows(assistantId)
  // Undefined while nothing has been typed: then it is what the server has.
  const [draft, setDraft] = useState<string>()
  const editor = useRef<CodeEditorHandle>(null)
  const text = draft ?? saved
  const changed = text !== saved

  useUnsaved(changed, t('flows.leave'))

  const submit = () => {
    if (!canEdit || !changed || save.isPending) return
    save.mutate(text, {
      onSuccess: (_, sent) => {
        // What has been typed meanwhile is not saved yet.
        setDraft(now => (now === sent ? undefined : now))
        notifyDone(t('flows.saved'))
      },
    })
  }
  const load = async (file: File | null) => {
    if (!file) return
    save.reset()
    setDraft(await file.text())
  }

  return (
    <Stack>
      <Card padding={0}>
        <Group justify="space-between" px="md" py="sm" mih={58}>
          <SavedBadge text={text} changed={changed} />
          {canEdit && (
            <Group gap="sm">
              {changed && (
                <Button
                  variant="subtle"
                  onClick={() => {
                    setDraft(undefined)
                    save.reset()
                  }}
                >
                  {t('flows.revert')}
                </Button>
              )}
              <FileButton accept=".yml,.yaml,.json" onChange={load}>
                {button => (
                  <Button {...button} variant="default">
                    {t('flows.upload')}
                  </Button>
                )}
              </FileButton>
              <Button disabled={!changed} loading={save.isPending} onClick={submit}>
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
          errorLines={errorLines(save.error, text === save.variables)}
          onChange={setDraft}
          onSave={submit}
        />
      </Card>
      {save.error && (
        <DocumentProblem
          error={save.error}
          source={save.variables}
          onGoTo={(line, column) => editor.current?.goTo(line, column)}
        />
      )}
    </Stack>
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
