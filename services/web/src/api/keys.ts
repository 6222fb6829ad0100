/** The keys under which answers are cached; a prefix invalidates everything below it. */
export const keys = {
  me: ['me'] as const,
  assistants: ['assistants', 'list'] as const,
  assistant: (id: string) => ['assistants', id] as const,
  trainings: (id: string) => ['assistants', id, 'trainings'] as const,
  evaluations: (id: string) => ['assistants', id, 'evaluations'] as const,
  evaluation: (id: string) => ['evaluations', id] as const,
  models: (id: string) => ['assistants', id, 'models'] as const,
  trainingData: (id: string) => ['assistants', id, 'training-data'] as const,
  flows: (id: string) => ['assistants', id, 'flows'] as const,
  jobs: ['jobs'] as const,
  jobsUnderWay: ['jobs', 'under-way'] as const,
  jobsFailed: ['jobs', 'failed'] as const,
  queues: ['queues'] as const,
  schedules: ['schedules'] as const,
  conversation: (id: string) => ['conversations', id] as const,
}
