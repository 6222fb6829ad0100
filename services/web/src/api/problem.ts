/** Errors of the API: every failed call throws a `ProblemError` with an RFC 9457 problem. */
import type { ErrorCode, Problem } from './types'

/** `network` stands beside the API's codes: no answer came at all. */
export type ProblemCode = ErrorCode | 'network'

export class ProblemError extends Error {
  readonly code: ProblemCode
  readonly problem: Problem | undefined

  constructor(code: ProblemCode, problem?: Problem, options?: ErrorOptions) {
    super(problem?.detail ?? code, options)
    this.name = 'ProblemError'
    this.code = code
    this.problem = problem
  }
}

const CODE_BY_STATUS: Record<number, ErrorCode> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  405: 'invalid',
  409: 'conflict',
  413: 'too_large',
  415: 'invalid',
  422: 'invalid',
  429: 'rate_limited',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body
}

/** The error for a failed response; a body that is no problem (a proxy's page) goes by its status. */
export function problemFrom(response: Response, body: unknown): ProblemError {
  if (isProblem(body)) return new ProblemError(body.code, body)
  return new ProblemError(CODE_BY_STATUS[response.status] ?? 'internal')
}

/** Any thrown value as a `ProblemError`: `fetch` throws a TypeError when no answer comes. */
export function asProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  return new ProblemError('network', undefined, { cause: error })
}
