import { library } from '../../tsup.base.js'

export default library({
  index: 'src/index.ts',
  middleware: 'src/middleware.ts',
  admin: 'src/admin.ts',
  host: 'src/host.ts',
  redis: 'src/redis.ts',
  testing: 'src/testing.ts',
})
