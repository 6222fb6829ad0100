/** What users and keys may do, the least first. */
import type { Role } from '../../api/types'

export const ROLES: Role[] = ['viewer', 'editor', 'owner']
