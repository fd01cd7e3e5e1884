import { library } from '../../tsup.base.js'

export default library(['src/{express,fastify,hono,hono-fetch,koa,node,fetch}.ts'])
