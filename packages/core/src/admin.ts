export {
  type AdminHandler,
  type AdminOptions,
  type AdminRoutes,
  adminApi,
  type QueryRoute,
  withQuery,
} from './admin/admin-api.js'
export {
  type CheckedFields,
  checkFields,
  checkQuery,
  type FaultyField,
  type FieldRules,
  faulty,
  integerText,
} from './admin/check-fields.js'
export { readJson } from './admin/read-json.js'
