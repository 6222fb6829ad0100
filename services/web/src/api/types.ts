/** The API's types by their own names. */
import type { components } from './schema'

type Schemas = components['schemas']

export type Assistant = Schemas['Assistant']
export type Conversation = Schemas['Conversation']
export type ConversationState = Schemas['ConversationState']
export type Entity = Schemas['Entity']
export type ErrorCode = Schemas['ErrorCode']
export type Event = Schemas['Event']
export type FieldError = Schemas['FieldError']
export type Me = Schemas['Me']
export type Message = Schemas['Message']
export type Model = Schemas['Model']
export type ModelMetrics = Schemas['ModelMetrics']
export type ParseResult = Schemas['ParseResult']
export type Problem = Schemas['Problem']
export type Session = Schemas['Session']
export type Training = Schemas['Training']
export type TrainingData = Schemas['TrainingData']
export type TrainingDataSummary = Schemas['TrainingDataSummary']
