export { type BanStoreTest, banStoreSuite } from './testing/ban-store-suite.js'
