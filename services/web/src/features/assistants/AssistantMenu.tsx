/** What can be done with one assistant: rename, set how it understands and by which engines, delete. */
import { ActionIcon, Menu } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Ear, Ellipsis, Pencil, Server, Trash2 } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { Assistant } from '../../api/types'
import { useCanEdit, useIsOwner } from '../session/queries'
import { DeleteAssistant } from './DeleteAssistant'
import { EnginesSettings } from './EnginesSettings'
import { RenameAssistant } from './RenameAssistant'
import { UnderstandingSettings } from './UnderstandingSettings'

interface AssistantMenuProps {
  assistant: Assistant
  onDeleted?: () => void
}

export function AssistantMenu({ assistant, onDeleted }: AssistantMenuProps) {
  const { t } = useTranslation()
  const canEdit = useCanEdit()
  const isOwner = useIsOwner()
  const [renaming, rename] = useDisclosure()
  const [setting, settings] = useDisclosure()
  const [choosing, engines] = useDisclosure()
  const [deleting, remove] = useDisclosure()
  if (!canEdit) return null
  return (
    <>
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <ActionIcon
            variant="subtle"
            color="gray"
            c="dimmed"
            aria-label={t('assistants.actions', { name: assistant.name })}
          >
            <Ellipsis size={18} aria-hidden />
          </ActionIcon>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Pencil size={15} aria-hidden />} onClick={rename.open}>
            {t('assistants.rename')}
          </Menu.Item>
          <Menu.Item leftSection={<Ear size={15} aria-hidden />} onClick={settings.open}>
            {t('understanding.open')}
          </Menu.Item>
          {isOwner && (
            <Menu.Item leftSection={<Server size={15} aria-hidden />} onClick={engines.open}>
              {t('engines.open')}
            </Menu.Item>
          )}
          <Menu.Item
            color="red"
            leftSection={<Trash2 size={15} aria-hidden />}
            onClick={remove.open}
          >
            {t('assistants.delete')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <RenameAssistant assistant={assistant} opened={renaming} onClose={rename.close} />
      <UnderstandingSettings assistant={assistant} opened={setting} onClose={settings.close} />
      <EnginesSettings assistant={assistant} opened={choosing} onClose={engines.close} />
      <DeleteAssistant
        assistant={assistant}
        opened={deleting}
        onClose={remove.close}
        onDeleted={onDeleted}
      />
    </>
  )
}
