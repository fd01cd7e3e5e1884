export {
  type AdminHandler,
  type AdminOptions,
  type AdminRoutes,
  adminApi,
  type QueryRoute,
  withQuery,
} from './admin-api.js'
export {
  type CheckedFields,
  checkFields,
  checkQuery,
  type FaultyField,
  type FieldRules,
  faulty,
  integerText,
} from './check-fields.js'
export { type PrivateNetworksOptions, privateNetworks } from './private-networks.js'
export { readJson } from './read-json.js'
