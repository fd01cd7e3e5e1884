import { library } from '../../tsup.base.js'

export default library(['src/{express,fastify,hono,koa,node,fetch}.ts'])
