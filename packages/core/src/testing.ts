export { type FakeClock, fakeClock } from './testing/fake-clock.js'
export { type InjectedRequest, type InjectedResponse, inject } from './testing/inject.js'
