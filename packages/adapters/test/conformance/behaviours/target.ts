import { Reply } from '@palisade/core'
import { text } from '../answers.js'
import { type Behaviour, get } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'

const tells: Behaviour['edge'] = probe =>
  probe.pipeline().use(
    probe.middleware('a', {
      onRequest: ({ method, path, query }) => Reply.json(200, { method, path, query: [...query] }),
    }),
  )

/** What some hosts answer on their own, before anything that is mounted is asked. */
const odd: readonly ClientRequest[] = [
  { target: 'http://a:99999/' },
  { target: 'http:///a' },
  { target: 'http://[a/b' },
  { target: '*' },
  { target: '/a\\b' },
  { target: '/a;%zz' },
  { target: `/items/${'x'.repeat(200)}` },
  { headers: { Host: 'a:99999' } },
  { headers: { Host: 'a b' } },
  { headers: { Host: '1.2.3.256' }, target: '/%41' },
  { headers: { Host: '' } },
]

const noUrls: readonly ClientRequest[] = [
  { target: 'http:///a' },
  { target: 'http://[a/a' },
  { target: 'http://user@example.com/a' },
  { target: 'http://example.com:99999/a' },
  { target: 'ftp://example.com/a' },
  { target: 'http://%zz/a' },
]

export const target: readonly Behaviour[] = [
  {
    title:
      'given a path and a query when a middleware reads them then the path is as received and the query is decoded',
    edge: tells,
    when: { target: '/a%2Fb/c?x=1&x=2&y=%20z&w' },
    gets: {
      body: '{"method":"GET","path":"/a%2Fb/c","query":[["x","1"],["x","2"],["y"," z"],["w",""]]}',
    },
  },
  {
    title: 'given a target in absolute form when a middleware reads it then the path is that of the target',
    edge: tells,
    when: { target: 'http://example.com/orders?x=1' },
    gets: { body: '{"method":"GET","path":"/orders","query":[["x","1"]]}' },
  },
  {
    title:
      'given a target in absolute form without a path when a middleware reads it then the path is the root',
    edge: tells,
    when: { target: 'http://example.com?next=/a' },
    gets: { body: '{"method":"GET","path":"/","query":[["next","/a"]]}' },
  },
  {
    title: 'given a server-wide OPTIONS when it comes then the pipeline sees it and the server lives on',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: ctx => new Reply(200, {}, ctx.path) })),
    when: [{ method: 'OPTIONS', target: '*' }, { target: '/x' }],
    gets: [{ body: '*' }, { status: 200, body: '/x' }],
    needs: ['socket'],
  },
  {
    title: 'given HEAD when a GET route matches then it answers without a body and with the length of it',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { routes: [get('/', text('hello'))] },
    when: { method: 'HEAD' },
    gets: { status: 200, headers: { 'X-Early': 'yes', 'Content-Length': /^5?$/ }, body: '' },
    trace: ['a>', 'handler', '<a'],
    outcomes: [{ status: 200, aborted: false, route: '/' }],
  },
  {
    title:
      'given HEAD when a middleware answers then it is answered without a body and with the length of it',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(200, {}, 'h\u00e9llo') })),
    when: { method: 'HEAD' },
    gets: { status: 200, headers: { 'Content-Length': '6' }, body: '' },
    outcomes: [{ status: 200, aborted: false }],
  },
  {
    title: 'given HEAD when a middleware denies then it is refused without a body',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: ctx => ctx.deny({ status: 429, code: 'X', message: 'y' }) })),
    when: { method: 'HEAD' },
    gets: { status: 429, headers: { 'Content-Length': /^\d+$/ }, body: '' },
  },
  {
    title: 'given a reply of 204 when a middleware answers then there is no body and no length',
    edge: probe => probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(204) })),
    when: { target: '/' },
    gets: { status: 204, headers: { 'Content-Length': null, 'Transfer-Encoding': null }, body: '' },
  },
  {
    title: 'given a reply of a status that no registry knows when a middleware answers then it is sent',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(599, {}, 'odd') })),
    when: { target: '/' },
    gets: { status: 599, headers: { 'Content-Type': 'text/plain; charset=utf-8' }, body: 'odd' },
  },
  {
    title: 'given a reply of 304 when a middleware answers then there is no body',
    edge: probe =>
      probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(304, { ETag: '"a"' }) })),
    when: { target: '/' },
    gets: { status: 304, headers: { ETag: '"a"' }, body: '' },
    outcomes: [{ status: 304, aborted: false }],
  },
  {
    title: 'given a reply without a body when a middleware answers then its length is 0 and the answer ends',
    edge: probe => probe.pipeline().use(probe.middleware('a', { onRequest: () => new Reply(200) })),
    when: { target: '/' },
    gets: { status: 200, headers: { 'Content-Length': '0' }, body: '' },
  },
  {
    title: 'given a reply of bytes when a middleware answers then exactly these are sent',
    edge: probe =>
      probe.pipeline().use(
        probe.middleware('a', {
          onRequest: () =>
            new Reply(200, { 'Content-Type': 'text/plain' }, new TextEncoder().encode('snow \u2603')),
        }),
      ),
    when: { target: '/' },
    gets: { headers: { 'Content-Length': '8', 'Content-Type': 'text/plain' }, body: 'snow \u2603' },
  },
  {
    title: 'given a plain OPTIONS when it comes then it is a request like any other',
    app: { routes: [{ method: 'OPTIONS', path: '/', handler: text('options'), through: [] }] },
    when: { method: 'OPTIONS' },
    gets: { status: 200, body: 'options' },
    trace: ['a>', 'handler', '<a'],
  },
  {
    title:
      'given a malformed percent-encoding when a request comes then the pipeline runs on it and the server lives on',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { routes: [get('/items/:id', text('item')), get('/', text('ok'))] },
    when: [{ target: '/items/%zz' }, { target: '/%zz' }, { target: '/' }],
    gets: [{ headers: { 'X-Early': 'yes' } }, { headers: { 'X-Early': 'yes' } }, { status: 200, body: 'ok' }],
    outcomes: [{ aborted: false }, { aborted: false }, { status: 200 }],
  },
  {
    title:
      'given a malformed percent-encoding when a middleware refuses the request then the refusal is what is sent',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: ctx => ctx.deny({ status: 403, code: 'X', message: 'y' }) })),
    when: [{ target: '/%zz' }, { target: '/a/%c0%af' }],
    gets: { status: 403, body: /"code":"X"/ },
    outcomes: [{ status: 403 }, { status: 403 }],
  },
  {
    title:
      'given a malformed percent-encoding when a middleware that waits lets it through then it is answered once',
    edge: probe => probe.pipeline().use(probe.middleware('a', { onRequest: async () => undefined })),
    app: { routes: [get('/', text('ok'))] },
    when: [{ target: '/%zz' }, { target: '/' }],
    gets: [{}, { status: 200, body: 'ok' }],
    outcomes: [{ aborted: false }, { status: 200 }],
  },
  {
    title:
      'given targets and hosts that no URL has when a middleware refuses them then the refusals are what is sent',
    edge: probe =>
      probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: ctx => ctx.deny({ status: 403, code: 'X', message: 'y' }) })),
    app: { routes: [get('/items/:id', text('item')), get('/', text('ok'))] },
    when: odd,
    gets: odd.map(() => ({ status: 403, body: /"code":"X"/ })),
    outcomes: odd.map(() => ({ status: 403, aborted: false })),
    needs: ['socket'],
  },
  {
    title:
      'given targets and hosts that no URL has when they are let through then each is counted once, and the server lives on',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { routes: [get('/items/:id', text('item')), get('/', text('ok'))] },
    when: [...odd, { target: '/' }],
    gets: [...odd.map(() => ({ headers: { 'X-Early': 'yes' } })), { status: 200, body: 'ok' }],
    outcomes: [...odd.map(() => ({ aborted: false })), { status: 200, route: '/' }],
    needs: ['socket'],
  },
  {
    title:
      'given a target that is no path and no URL when no middleware refuses it then it is a 400, counted, and no handler runs',
    edge: probe => probe.pipeline().use(probe.sets({ 'X-Early': 'yes' })),
    app: { routes: [get('/a', text('in'))] },
    when: noUrls,
    gets: noUrls.map(() => ({ status: 400, headers: { 'X-Early': 'yes' }, body: /"code":"BAD_REQUEST"/ })),
    trace: noUrls.flatMap(() => ['a>', '<a']),
    outcomes: noUrls.map(() => ({ status: 400, aborted: false })),
    needs: ['socket'],
  },
  {
    title: 'given a request that is no HTTP when it comes then the server answers 400 itself and lives on',
    when: async client => {
      const connection = await client.connect()
      connection.write('GET / NONSENSE\r\n\r\n')
      const { status, lines } = await connection.receive()
      connection.leave()
      const answer = { status, lines, body: '', complete: true, closed: undefined }
      return [answer, await client.send({ target: '/' })]
    },
    gets: [{ status: 400 }, { status: 200 }],
    trace: ['a>', 'handler', '<a'],
    needs: ['socket'],
  },
]
