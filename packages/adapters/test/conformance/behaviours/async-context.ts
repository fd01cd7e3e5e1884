/** `AsyncLocalStorage`, from the pipeline to the end of the response. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'

/** Enters a store of its own for each request, and notes at the end which one is there. */
const entering = (isLate: boolean): NonNullable<Behaviour['edge']> => {
  const store = new AsyncLocalStorage<string>()
  return probe =>
    probe.pipeline().use(
      probe.middleware('a', {
        onRequest(ctx) {
          store.enterWith(ctx.path)
          return isLate ? Promise.resolve() : undefined
        },
        onResponse: (ctx, { aborted }) => {
          probe.note(`${ctx.path} ${store.getStore()} ${aborted}`)
          probe.gate(ctx.path).open()
        },
      }),
    )
}
const routes = [get('/one', text('ok')), get('/two', text('ok'))]
const waits = get('/waits', async ({ probe }) => {
  probe.gate('handler').open()
  await probe.gate('/waits').opened
  return text('late')
})

export const asyncContext: readonly Behaviour[] = [false, true].flatMap((isLate): Behaviour[] => {
  const which = isLate ? 'a middleware that waits' : 'a middleware'
  return [
    {
      title: `given ${which} that enters an asynchronous context when the response ends then onResponse is in it`,
      edge: entering(isLate),
      app: { routes },
      when: [{ target: '/one' }, { target: '/two' }],
      gets: [{ status: 200 }, { status: 200 }],
      trace: ['a>', 'handler', '<a', '/one /one false', 'a>', 'handler', '<a', '/two /two false'],
    },
    {
      title: `given ${which} that enters an asynchronous context when the client leaves then onResponse is in it`,
      edge: entering(isLate),
      app: { routes: [waits] },
      when: async (client, probe) => {
        const exchange = client.start({ target: '/waits' })
        exchange.head.catch(() => {})
        await probe.gate('handler').opened
        exchange.leave()
        await probe.gate('/waits').opened
        return []
      },
      gets: [],
      trace: ['a>', 'handler', '<a', '/waits /waits true'],
    },
  ]
})
