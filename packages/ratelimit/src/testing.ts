export { type LimitStoreTest, limitStoreSuite } from './testing/limit-store-suite.js'
