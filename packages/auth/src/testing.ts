export { type ApiKeyStoreTest, apiKeyStoreSuite } from './testing/api-key-store-suite.js'
export { type KeyValueTest, keyValueSuite } from './testing/key-value-suite.js'
