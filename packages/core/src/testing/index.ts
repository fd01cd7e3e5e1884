export { type FakeClock, fakeClock } from './fake-clock.js'
export { type InjectedRequest, type InjectedResponse, inject } from './inject.js'
