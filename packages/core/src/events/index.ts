export type * from './catalogue.js'
export { EventBus, type Listener } from './event-bus.js'
export type { EventStream } from './event-stream.js'
