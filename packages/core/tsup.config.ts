import { library } from '../../tsup.base.js'

export default library({
  index: 'src/index.ts',
  'redis/index': 'src/redis/index.ts',
  'testing/index': 'src/testing/index.ts',
})
