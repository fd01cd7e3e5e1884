/** How a small application on one host looks. A new host is one more entry. */
export interface Host {
  readonly name: string
  /** What a user installs for this host, types included. */
  readonly installs: readonly string[]
  /** Binding to module, written as `import` or as `require()`. */
  readonly imports: Readonly<Record<string, string>>
  /**
   * An application that runs the pipeline `mounted`, answers `GET /` with 200 `hello`, and listens
   * as `server`.
   */
  readonly application: string
}

export const hosts: readonly Host[] = [
  {
    name: 'express',
    installs: ['express', '@types/express'],
    imports: { express: 'express', '{ toExpress }': '@palisade/adapters/express' },
    application: `
const app = express()
app.use(toExpress(mounted))
app.get('/', (_req, res) => { res.send('hello') })
const server = app.listen(0, '127.0.0.1')`,
  },
  {
    name: 'fastify',
    installs: ['fastify'],
    imports: { '{ fastify }': 'fastify', '{ toFastify }': '@palisade/adapters/fastify' },
    application: `
const app = fastify()
app.register(toFastify(mounted))
app.get('/', async () => 'hello')
app.listen({ port: 0, host: '127.0.0.1' }).catch(error => { throw error })
const server = app.server`,
  },
  {
    name: 'hono',
    installs: ['hono', '@hono/node-server'],
    imports: {
      '{ Hono }': 'hono',
      '{ serve }': '@hono/node-server',
      '{ toHono }': '@palisade/adapters/hono',
    },
    application: `
const app = new Hono()
app.use(toHono(mounted))
app.get('/', c => c.text('hello'))
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })`,
  },
  {
    name: 'koa',
    installs: ['koa', '@types/koa'],
    imports: { Koa: 'koa', '{ toKoa }': '@palisade/adapters/koa' },
    application: `
const app = new Koa()
app.use(toKoa(mounted))
app.use(ctx => { if (ctx.path === '/') ctx.body = 'hello' })
const server = app.listen(0, '127.0.0.1')`,
  },
]
