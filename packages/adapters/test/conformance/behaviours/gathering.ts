/**
 * `Vary` and `Set-Cookie` of the pipeline, when the handler sets these fields instead of adding to
 * them.
 */
import { raw, stream, text } from '../answers.js'
import { type Behaviour, get, type Route } from '../behaviour.js'
import type { Probe } from '../probe.js'

const edge = (probe: Probe) =>
  probe.pipeline().use(
    probe.does(ctx => {
      ctx.appendHeader('Vary', 'Origin')
      ctx.appendHeader('Set-Cookie', 'ours=1')
      ctx.appendHeader('Set-Cookie', 'ours=2')
    }),
  )

const fields = { Vary: 'Accept-Encoding', 'Set-Cookie': 'theirs=1' }
async function* parts(): AsyncGenerator<string> {
  yield 'part'
}
const answers: Readonly<Record<string, Route>> = {
  'through the host': get('/', text('ok', { headers: fields })),
  'past the host': get('/', raw('ok', { headers: fields })),
  'on a stream': get('/', () => stream(parts(), fields)),
  'with an error status': get('/', text('no', { status: 500, headers: fields })),
}

export const gathering: readonly Behaviour[] = [
  ...Object.entries(answers).map(
    ([how, route]): Behaviour => ({
      title: `given Vary and cookies of a middleware when the handler sets both ${how} then all are sent`,
      edge,
      app: { routes: [route] },
      when: {},
      gets: {
        headers: { Vary: 'Origin, Accept-Encoding', 'Set-Cookie': ['ours=1', 'ours=2', 'theirs=1'] },
      },
    }),
  ),
  {
    title: 'given Vary of a middleware when the handler varies by everything then the star stands alone',
    edge,
    app: { routes: [get('/', text('ok', { headers: { Vary: '*' } }))] },
    when: {},
    gets: { headers: { Vary: '*' } },
  },
  ...(['through the host', 'past the host'] as const).map(
    (how): Behaviour => ({
      title: `given lines of another field of a middleware when the handler sets the field ${how} then the handler's is sent`,
      edge: probe =>
        probe.pipeline().use(
          probe.does(ctx => {
            ctx.appendHeader('Link', '</ours>')
            ctx.appendHeader('Link', '</ours-too>')
          }),
        ),
      app: {
        routes: [
          get(
            '/',
            how === 'past the host'
              ? raw('ok', { headers: { Link: '</theirs>' } })
              : text('ok', { headers: { Link: '</theirs>' } }),
          ),
          get('/plain', text('ok')),
        ],
      },
      when: [{}, { target: '/plain' }],
      gets: [{ headers: { Link: '</theirs>' } }, { headers: { Link: /^<\/ours>(, |\n)<\/ours-too>$/ } }],
    }),
  ),
  {
    title:
      'given Vary and cookies of a middleware when a branch takes them away then those of the handler are sent',
    edge,
    branches: (parent, probe) => ({
      bare: parent.branch().use(
        probe.does(ctx => {
          ctx.removeHeader('Vary')
          ctx.removeHeader('Set-Cookie')
        }, 'b'),
      ),
    }),
    app: { routes: [get('/', text('ok', { headers: fields }), 'bare')] },
    when: {},
    gets: { headers: { Vary: 'Accept-Encoding', 'Set-Cookie': 'theirs=1' } },
  },
  {
    title: 'given Vary and cookies that a middleware sets when the handler sets both then all are sent',
    edge: probe =>
      probe.pipeline().use(
        probe.does(ctx => {
          ctx.setHeader('Vary', 'Origin')
          ctx.setHeader('Set-Cookie', 'ours=1')
        }),
      ),
    app: { routes: [get('/', text('ok', { headers: fields }))] },
    when: {},
    gets: { headers: { Vary: 'Origin, Accept-Encoding', 'Set-Cookie': ['ours=1', 'theirs=1'] } },
  },
]
