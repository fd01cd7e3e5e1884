export {
  type Check,
  type CheckFacts,
  type CheckKind,
  type CheckOptions,
  type CheckVerdict,
  type CommonOptions,
  check,
} from './checks/check.js'
export { type DiskOptions, disk } from './checks/disk.js'
export { type EventLoopOptions, eventLoop } from './checks/event-loop.js'
export { type HttpOptions, http } from './checks/http.js'
export { type MemoryOptions, memory } from './checks/memory.js'
export { redis } from './checks/redis.js'
export type { CheckResult } from './checks/result.js'
export { type SqlQuery, sql } from './checks/sql.js'
export { type TcpOptions, tcp } from './checks/tcp.js'
export {
  type GracefulShutdownOptions,
  gracefulShutdown,
  type ShutdownServer,
} from './graceful-shutdown.js'
export { type Health, type HealthOptions, health } from './health.js'
export { type Lifecycle, lifecycle } from './lifecycle.js'
export type { CheckReport, HealthReport, HealthStatus } from './probes/panel.js'
export type { ProbePath, ProbePaths } from './probes/paths.js'
export type { ShutdownHandler, ShutdownStep, ShutdownTask } from './shutdown/handlers.js'
export type {
  GracefulShutdown,
  ShutdownPhase,
  ShutdownPipeline,
  ShutdownResult,
} from './shutdown/shutdown.js'
