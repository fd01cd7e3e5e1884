import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { Agent, ProxyAgent } from 'undici'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type JwtOptions, jwt } from '../../src/index.js'
import { certificate } from '../support/certificate.js'
import { bearer, edge } from '../support/edge.js'
import { jwksServer } from '../support/jwks-server.js'
import { AUDIENCE, claims, ISSUER, rsa, sign } from '../support/tokens.js'

const key = { ...rsa.publicKey.export({ format: 'jwk' }), kid: 'one', use: 'sig' }
const keys = JSON.stringify({ keys: [key] })
const opened: { dispose(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const each of opened.splice(0)) await each.dispose()
})

const token = async (iss = ISSUER) =>
  bearer(await sign(claims({ iss }), { alg: 'RS256', key: rsa.privateKey, header: { kid: 'one' } }))

function setUp(options: Partial<JwtOptions>) {
  const here = edge({ strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, ...options } as JwtOptions)] })
  opened.push({ dispose: here.dispose })
  return here
}

async function listening(server: Server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

async function server() {
  const started = await jwksServer()
  opened.push({ dispose: started.close })
  return started
}

describe('given an issuer with a certificate of its own CA', () => {
  const { key: privateKey, cert, ca } = certificate()
  const tls = createTlsServer({ key: privateKey, cert }, (_, res) => res.end(keys))
  let uri: string
  beforeAll(async () => {
    uri = `https://localhost:${await listening(tls)}/jwks`
  })
  afterAll(() => void tls.close())

  test('when nothing is said of it, then it is not believed', async () => {
    expect((await setUp({ jwksUri: uri }).send(await token())).status).toBe(503)
  })

  test('when a dispatcher has the CA, then the keys are read', async () => {
    const dispatcher = new Agent({ connect: { ca } })
    expect((await setUp({ jwksUri: uri, dispatcher }).send(await token())).status).toBe(200)
    await dispatcher.close()
  })

  test("when the pipeline is disposed, then the dispatcher is still the team's", async () => {
    const dispatcher = new Agent({ connect: { ca } })
    const one = edge({ strategies: [jwt({ issuer: ISSUER, audience: AUDIENCE, jwksUri: uri, dispatcher })] })
    expect((await one.send(await token())).status).toBe(200)
    await one.dispose()
    expect((await setUp({ jwksUri: uri, dispatcher }).send(await token())).status).toBe(200)
    await dispatcher.close()
  })
})

test('given a proxy, when it is the only way out, then the keys are read through it', async () => {
  const issuer = await server()
  issuer.publishes(key)
  const tunnels: string[] = []
  const proxy = createServer()
  proxy.on('connect', (req: IncomingMessage, socket: Socket) => {
    tunnels.push(req.url ?? '')
    const [host = '', port] = (req.url ?? '').split(':')
    const out = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
      out.pipe(socket).pipe(out)
    })
    for (const one of [out, socket]) one.on('error', () => {})
  })
  const port = await listening(proxy)
  const dispatcher = new ProxyAgent({ uri: `http://127.0.0.1:${port}`, proxyTunnel: true })
  const here = setUp({ jwksUri: issuer.uri, dispatcher })
  const { status } = await here.send(await token())
  expect([status, here.logs]).toEqual([200, []])
  expect(tunnels).toEqual([new URL(issuer.uri).host])
  await dispatcher.destroy()
  proxy.closeAllConnections()
  proxy.close()
})

describe('given a function that fetches', () => {
  test('when it answers, then it is used, with what a fetch must know', async () => {
    const issuer = await server()
    issuer.publishes(key)
    const asked: unknown[] = []
    const here = setUp({
      jwksUri: issuer.uri,
      fetch: (url, init) => {
        asked.push([url, init.redirect, init.headers['accept-encoding'], init.signal instanceof AbortSignal])
        return fetch(url, init)
      },
    })
    expect((await here.send(await token())).status).toBe(200)
    expect(asked).toEqual([[issuer.uri, 'manual', 'identity', true]])
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('secret-host')
      },
    ],
    ['rejects', () => Promise.reject(new Error('secret-host'))],
    ['returns nothing', () => undefined],
    ['returns text', async () => keys],
    ['returns 404', async () => new Response(keys, { status: 404 })],
    ['returns too much', async () => new Response(keys + ' '.repeat(262_144))],
    ['returns no JSON', async () => new Response('<html>')],
    ['returns an empty answer', async () => new Response(null)],
    [
      'returns what was compressed',
      async () => new Response(keys, { headers: { 'content-encoding': 'gzip' } }),
    ],
    [
      'followed a redirect',
      async () => Object.defineProperty(new Response(keys), 'redirected', { value: true }),
    ],
    ['hangs, and looks at no signal', () => new Promise(() => {})],
  ])('when it %s, then it is a 503', async (_, fetch) => {
    const here = setUp({ jwksUri: 'https://issuer.test/jwks', jwksTimeout: '300ms', fetch: fetch as never })
    const { status, body } = await here.send(await token())
    expect([status, body.includes('secret-host')]).toEqual([503, false])
  })
})

describe('given plain http inside a cluster', () => {
  const here = (insecureHosts: string[] | undefined, jwksUri: string) =>
    setUp({
      jwksUri,
      ...(insecureHosts && { insecureHosts }),
      fetch: async () => new Response(keys),
    })

  test.each([
    'http://keycloak/jwks',
    'http://keycloak:8080/jwks',
    'http://keycloak.auth.svc.cluster.local/jwks',
    'http://10.0.0.7/jwks',
    'https://elsewhere.test/jwks',
  ])('when the host of %s is named, then its keys are read', async uri => {
    const named = ['keycloak', 'keycloak.auth.svc.cluster.local', '10.0.0.7']
    expect((await here(named, uri).send(await token())).status).toBe(200)
  })

  test.each([
    [undefined, 'http://keycloak/jwks'],
    [['keycloak'], 'http://keycloak.evil.test/jwks'],
    [['keycloak'], 'http://keycloak@evil.test/jwks'],
    [['keycloak'], 'http://evil.test/keycloak'],
    [['keycloak'], 'ftp://keycloak/jwks'],
    [['keycloak'], 'http://user:pass@keycloak/jwks'],
    [['keycloak'], 'http://keycloak/jwks#x'],
    [['cluster.local'], 'http://keycloak.cluster.local/jwks'],
  ])('when %j are named, then %s is a ConfigError', (named, uri) => {
    expect(() => here(named, uri)).toThrow('jwt: option "jwksUri"')
  })

  test.each([
    [[]],
    [['http://keycloak']],
    [['keycloak:8080']],
    [['*.cluster.local']],
    [['Keycloak']],
    ['keycloak'],
  ])('when %j are named, then the option is named', named => {
    expect(() => here(named as string[], 'https://issuer.test/')).toThrow(/option "insecureHosts/)
  })
})

describe('given discovery', () => {
  /** An issuer on a real socket that publishes its metadata at one path. */
  async function issuerAt(path: string, metadata: (origin: string) => object, prefix = '') {
    const issuer = await server()
    const { origin } = new URL(issuer.uri)
    issuer.answers((req, res) => {
      if (req.url === path) res.end(JSON.stringify(metadata(origin)))
      else if (req.url === '/keys') res.end(keys)
      else res.writeHead(404).end('{}')
    })
    return { iss: `${origin}${prefix}`, origin, requests: issuer.requests }
  }
  const right = (prefix: string) => (origin: string) => ({
    issuer: `${origin}${prefix}`,
    jwks_uri: `${origin}/keys`,
  })

  test.each([
    ['without a path', '', '/.well-known/openid-configuration'],
    ['that ends with a slash', '/', '/.well-known/openid-configuration'],
    ['with a path', '/realms/shop', '/realms/shop/.well-known/openid-configuration'],
    ['with a path and a slash', '/o/shop/', '/o/shop/.well-known/openid-configuration'],
    ['by RFC 8414', '', '/.well-known/oauth-authorization-server'],
    ['by RFC 8414 with a path', '/shop', '/.well-known/oauth-authorization-server/shop'],
    ['by RFC 8414 with a path and a slash', '/shop/', '/.well-known/oauth-authorization-server/shop'],
  ])('when the issuer is one %s, then its keys are found', async (_, prefix, path) => {
    const { iss } = await issuerAt(path, right(prefix), prefix)
    const here = setUp({ issuer: iss, discovery: true })
    expect((await here.send(await token(iss))).status).toBe(200)
    expect((await here.send(await token(`${iss}/`))).status).toBe(401)
  })

  test('when the metadata is elsewhere, then a URL says where', async () => {
    const { origin } = await issuerAt('/internal', () => ({ issuer: ISSUER, jwks_uri: `${origin}/keys` }))
    const here = setUp({ discovery: `${origin}/internal` })
    expect((await here.send(await token())).status).toBe(200)
  })

  test('when the issuer is a template, then the metadata names the template', async () => {
    const template = 'https://login.test/{tenantid}/v2.0'
    const { origin } = await issuerAt('/common', () => ({ issuer: template, jwks_uri: `${origin}/keys` }))
    const options = { issuer: template, tenants: ['t1'] }
    const here = setUp({ ...options, discovery: `${origin}/common` })
    const signed = await sign(claims({ iss: 'https://login.test/t1/v2.0', tid: 't1' }), {
      alg: 'RS256',
      key: rsa.privateKey,
      header: { kid: 'one' },
    })
    expect((await here.send(bearer(signed))).status).toBe(200)
    expect(() => setUp({ ...options, discovery: true })).toThrow('jwt: option "discovery"')
  })

  test.each<[string, (origin: string) => unknown]>([
    ['names the issuer with a slash more', origin => ({ issuer: `${origin}/`, jwks_uri: `${origin}/keys` })],
    ['names another issuer', origin => ({ issuer: 'https://evil.test', jwks_uri: `${origin}/keys` })],
    ['names no issuer', origin => ({ jwks_uri: `${origin}/keys` })],
    ['names a list of issuers', origin => ({ issuer: [origin], jwks_uri: `${origin}/keys` })],
    ['has no address of keys', origin => ({ issuer: origin })],
    ['has an address that is no URL', origin => ({ issuer: origin, jwks_uri: '/keys' })],
    ['leads to a file', origin => ({ issuer: origin, jwks_uri: 'file:///etc/passwd' })],
    ['leads over plain http', origin => ({ issuer: origin, jwks_uri: 'http://evil.test/keys' })],
    ['is a list', () => []],
    ['is null', () => null],
  ])('when the metadata %s, then it is a 503, and the log says why', async (_, metadata) => {
    const { iss } = await issuerAt(
      '/.well-known/openid-configuration',
      metadata as (origin: string) => object,
    )
    const here = setUp({ issuer: iss, discovery: true })
    expect((await here.send(await token(iss))).status).toBe(503)
    expect(String(here.logs[0]?.fields['err'])).toContain('the metadata')
  })

  test('when metadata from an encrypted address leads to a service of this machine, then it is not asked', async () => {
    const asked: string[] = []
    const fetch = async (url: string) => {
      asked.push(url)
      return Response.json({ issuer: ISSUER, jwks_uri: 'http://127.0.0.1:9/keys' })
    }
    const here = setUp({ discovery: true, fetch })
    expect((await here.send(await token())).status).toBe(503)
    expect(asked).toEqual([`${ISSUER}/.well-known/openid-configuration`])
  })

  test.each<[string, Partial<JwtOptions>]>([
    ['discovery', { issuer: 'shop', discovery: true }],
    ['discovery', { issuer: 'http://issuer.test', discovery: true }],
    ['discovery', { issuer: 'https://issuer.test/?x=1', discovery: true }],
    ['discovery', { discovery: 'http://issuer.test/metadata' }],
    ['discovery', { discovery: false as never }],
    ['discovery', { discovery: true, jwksUri: 'https://x.test/' }],
    ['dispatcher', { jwksUri: 'https://x.test/', dispatcher: {} as never }],
    ['dispatcher', { discovery: true, dispatcher: new Agent(), fetch: async () => new Response() }],
    ['fetch', { jwksUri: 'https://x.test/', fetch: true as never }],
    ['fetch', { secret: 'x'.repeat(32), algorithms: ['HS256'], fetch: async () => new Response() }],
    ['insecureHosts', { jwks: { keys: [key] }, insecureHosts: ['a'] }],
  ])('when "%s" is wrong, then it is named', (option, options) => {
    expect(() => setUp(options)).toThrow(`jwt: option "${option}"`)
  })
})
