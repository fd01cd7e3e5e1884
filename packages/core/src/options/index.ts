export * from './check.js'
export { type Duration, duration, type Milliseconds, parseDuration } from './duration.js'
export { headerName, ownHeaderName } from './header-name.js'
export { type Needed, refuseRuntime, requireProcess } from './runtime.js'
