import {
  directPeer,
  privateNetworks,
  Reply,
  singleHeader,
  type Trust,
  trustedHops,
  trustedProxies,
} from '@palisade/core'
import { adminApi } from '@palisade/core/admin'
import type { App, Behaviour } from '../behaviour.js'
import type { ClientRequest } from '../client/client.js'

const tells =
  (trust: Trust): NonNullable<Behaviour['edge']> =>
  probe =>
    probe.pipeline({ trust }).use(
      probe.middleware('a', {
        onRequest: ({ client: { ip, key, bannable }, secure }) =>
          new Reply(
            200,
            {},
            [ip, key, bannable ? 'bannable' : 'not bannable', secure ? 'secure' : 'plain'].join(' '),
          ),
      }),
    )

const seen = (
  title: Behaviour['title'],
  trust: Trust,
  headers: NonNullable<ClientRequest['headers']>,
  body: string,
  app: App = {},
): Behaviour => ({ title, edge: tells(trust), app, when: { headers }, gets: { status: 200, body } })

const proxies = trustedProxies(['127.0.0.0/8', '10.0.0.0/8'])

export const address: readonly Behaviour[] = [
  seen(
    'given no proxy when a client writes X-Forwarded-For then the socket is believed',
    directPeer(),
    { 'X-Forwarded-For': '1.2.3.4', 'X-Forwarded-Proto': 'https' },
    '127.0.0.1 127.0.0.1 bannable plain',
  ),
  seen(
    'given trusted proxies when the chain has a forged head then the first address that is no proxy is the client',
    proxies,
    { 'X-Forwarded-For': '6.6.6.6, 198.51.100.7, 10.0.0.9', 'X-Forwarded-Proto': 'https' },
    '198.51.100.7 198.51.100.7 bannable secure',
  ),
  seen(
    'given trusted proxies when the chain comes in several lines then they are one chain',
    proxies,
    { 'X-Forwarded-For': ['6.6.6.6', '198.51.100.7'] },
    '198.51.100.7 198.51.100.7 bannable plain',
  ),
  seen(
    'given trusted proxies when there is no chain then the proxy is the client, and not bannable',
    proxies,
    {},
    '127.0.0.1 127.0.0.1 not bannable plain',
  ),
  seen(
    'given trusted proxies when the chain is malformed at its end then the proxy is the client, and not bannable',
    proxies,
    { 'X-Forwarded-For': '198.51.100.7, unknown' },
    '127.0.0.1 127.0.0.1 not bannable plain',
  ),
  seen(
    'given trusted proxies when the chain and the scheme end in empty elements then they are skipped',
    proxies,
    { 'X-Forwarded-For': '6.6.6.6, 198.51.100.7 ,', 'X-Forwarded-Proto': 'https,' },
    '198.51.100.7 198.51.100.7 bannable secure',
  ),
  seen(
    'given two trusted hops when an element is empty then the walk ends there, and the client is not bannable',
    trustedHops(2),
    { 'X-Forwarded-For': '6.6.6.6, 198.51.100.7 ,' },
    '127.0.0.1 127.0.0.1 not bannable plain',
  ),
  seen(
    'given trusted proxies elsewhere when a stranger writes X-Forwarded-For then the socket is believed',
    trustedProxies(['10.0.0.0/8']),
    { 'X-Forwarded-For': '1.2.3.4', 'X-Forwarded-Proto': 'https' },
    '127.0.0.1 127.0.0.1 bannable plain',
  ),
  seen(
    'given trusted proxies that write Forwarded when both headers come then only Forwarded is read',
    trustedProxies(['127.0.0.1'], { header: 'forwarded' }),
    { Forwarded: 'for=6.6.6.6, For="[2001:db8:cafe::17]:4711";proto=https', 'X-Forwarded-For': '1.2.3.4' },
    '2001:db8:cafe::17 2001:db8:cafe::/64 bannable secure',
  ),
  seen(
    'given one trusted hop when the chain has a forged head then its last element is the client',
    trustedHops(1),
    { 'X-Forwarded-For': '6.6.6.6, 198.51.100.7' },
    '198.51.100.7 198.51.100.7 bannable plain',
  ),
  seen(
    'given two trusted hops when the chain is shorter then the last address is the client, and not bannable',
    trustedHops(2),
    { 'X-Forwarded-For': '198.51.100.7' },
    '198.51.100.7 198.51.100.7 not bannable plain',
  ),
  seen(
    'given a single header when the proxy sets it then it is the client',
    singleHeader('cf-connecting-ip', { from: ['127.0.0.1'] }),
    { 'CF-Connecting-IP': '198.51.100.7', 'X-Forwarded-For': '1.2.3.4' },
    '198.51.100.7 198.51.100.7 bannable plain',
  ),
  seen(
    'given a single header when it is sent twice then the proxy is the client, and not bannable',
    singleHeader('x-real-ip', { from: ['127.0.0.1'] }),
    { 'X-Real-IP': ['198.51.100.7', '1.2.3.4'] },
    '127.0.0.1 127.0.0.1 not bannable plain',
  ),
  {
    title: 'given an unnamed proxy when its requests come then one line names the topology and the remedy',
    edge: tells(directPeer()),
    when: Array.from({ length: 25 }, (_, index) => ({
      headers: { 'X-Forwarded-For': `198.51.100.${index}, 10.0.0.9` },
    })),
    gets: Array.from({ length: 25 }, () => ({ status: 200 })),
    logs: [/from 127\.0\.0\.1 with X-Forwarded-For of two elements.*Set `trust: trustedHops\(2\)`/],
  },
  {
    title: 'given a trust that never matches when requests come then one line names the peer',
    edge: tells(trustedProxies(['10.0.0.0/8'])),
    when: Array.from({ length: 25 }, (_, index) => ({
      headers: { 'X-Forwarded-For': `198.51.100.${index}` },
    })),
    gets: Array.from({ length: 25 }, () => ({ status: 200 })),
    logs: [/Add 127\.0\.0\.1 \(or the network of your proxies\)/],
  },
  {
    title: 'given clients on loopback when their requests come then no line is logged',
    edge: tells(directPeer()),
    when: Array.from({ length: 25 }, () => ({})),
    gets: Array.from({ length: 25 }, () => ({ status: 200 })),
  },
  {
    title:
      'given an admin API when pages of other origins change something then it is a 403, and own pages are served',
    edge: probe =>
      probe
        .pipeline()
        .use(
          adminApi(
            'things',
            { path: '/admin', authorize: () => true },
            { '/': { POST: () => Reply.json(200, {}) } },
          ),
        ),
    when: ['http://evil.example', 'null', 'http://shop.example:81', 'http://shop.example'].map(Origin => ({
      method: 'POST',
      target: '/admin',
      headers: { Host: 'shop.example', Origin },
    })),
    gets: [{ status: 403 }, { status: 403 }, { status: 403 }, { status: 200 }],
  },
  {
    title: 'given private networks when a rebound page or a proxy without a name asks then neither may read',
    edge: probe => {
      const may = privateNetworks()
      return probe
        .pipeline()
        .use(probe.middleware('a', { onRequest: ctx => new Reply(200, {}, may(ctx) ? 'inside' : 'outside') }))
    },
    when: [
      { headers: { Host: 'localhost:3000' } },
      { headers: { Host: 'evil.example' } },
      { headers: { Host: 'localhost', 'CF-Connecting-IP': '198.51.100.7' } },
    ],
    gets: [{ body: 'inside' }, { body: 'outside' }, { body: 'outside' }],
  },
  {
    ...seen(
      'given a server that listens on IPv6 when a client comes by IPv4 then its address is IPv4',
      directPeer(),
      {},
      '127.0.0.1 127.0.0.1 bannable plain',
      { listenOn: '::' },
    ),
    needs: ['socket'],
  },
  {
    ...seen(
      'given an encrypted connection when a middleware asks then it is secure',
      directPeer(),
      {},
      '127.0.0.1 127.0.0.1 bannable secure',
      { tls: true },
    ),
    needs: ['socket'],
  },
]
