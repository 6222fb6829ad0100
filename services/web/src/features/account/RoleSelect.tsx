/** The choice of a user's role, with what it allows. */
import { NativeSelect } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Role } from '../../api/types'
import { ROLES } from './roles'

interface RoleSelectProps {
  value: Role
  onChange: (role: Role) => void
  'data-autofocus'?: boolean
}

export function RoleSelect({ value, onChange, ...props }: RoleSelectProps) {
  const { t } = useTranslation()
  return (
    <NativeSelect
      label={t('users.role')}
      description={t(`users.roleTexts.${value}`)}
      data={ROLES.map(role => ({ value: role, label: t(`roles.${role}`) }))}
      value={value}
      onChange={event => onChange(event.currentTarget.value as Role)}
      {...props}
    />
  )
}
