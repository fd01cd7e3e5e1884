import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { connect, createSecureServer } from 'node:http2'
import { get } from 'node:https'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { toExpress } from '@palisade/adapters/express'
import { pipeline } from '@palisade/core'
import express from 'express'
import { expect, test } from 'vitest'
import { certificate } from '../conformance/client/certificate.js'
import { http2Express } from './http2-express.js'
import { Ends } from './node-hosts.js'

/** A server of HTTP/2 with a plain app, which is asked once. */
const PROGRAM = `
import { connect, createServer } from 'node:http2'
import express from 'express'

const server = createServer(express().use((req, res) => res.send('ok')))
server.listen(0, '127.0.0.1', () => {
  const session = connect('http://127.0.0.1:' + server.address().port)
  session.request({ ':path': '/' }).resume().on('end', () => process.exit())
})
`

/** The README says so. If Express learns HTTP/2, `http2Express()` and that section can go. */
test('given Express 5 with its own prototypes when a request comes over HTTP/2 then the process ends', async () => {
  const cwd = fileURLToPath(new URL('../..', import.meta.url))
  const run = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', PROGRAM], { cwd })
  await expect(run).rejects.toMatchObject({ stderr: expect.stringContaining('IncomingMessage._read') })
})

test('given an app for each version around one router when both versions are asked then each request ends once', async () => {
  const ends = new Ends()
  const edge = toExpress(pipeline({ logger: ends.logger }).use(ends.middleware))
  const router = express.Router()
  router.use(edge)
  router.get('/items/:id', (req, res) => void res.send(req.httpVersion))
  const [http1, http2] = [express().use(router), http2Express().use(router)]
  const server = createSecureServer({ ...certificate(), allowHTTP1: true }, (req, res) =>
    (req.httpVersionMajor === 2 ? http2 : http1)(req as never, res as never),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const session = connect(origin, { rejectUnauthorized: false })
  const versions = [
    await textOf(session.request({ ':path': '/items/1' })),
    await new Promise(resolve =>
      get(`${origin}/items/1`, { rejectUnauthorized: false, agent: false }, answer =>
        resolve(textOf(answer)),
      ),
    ),
  ]
  await ends.reach(2)
  session.close()
  server.close()
  expect(versions).toEqual(['2.0', '1.1'])
  expect(ends.outcomes).toMatchObject(Array(2).fill({ status: 200, route: '/items/:id', aborted: false }))
})

async function textOf(body: AsyncIterable<unknown>): Promise<string> {
  let text = ''
  for await (const chunk of body) text += String(chunk)
  return text
}
