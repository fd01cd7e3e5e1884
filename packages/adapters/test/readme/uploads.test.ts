import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bare, blockWith } from '../../../../test/support/documented-block.js'
import { app } from './uploads.js'

const server = app.listen(0, '127.0.0.1')
beforeAll(async () => {
  if (!server.listening) await once(server, 'listening')
})
afterAll(() => void server.close())

async function upload(field: string, bytes: number): Promise<Response> {
  const body = new FormData()
  body.append(field, new Blob([new Uint8Array(bytes)]), 'me.png')
  const { port } = server.address() as AddressInfo
  return fetch(`http://127.0.0.1:${port}/avatar`, { method: 'POST', body })
}

describe('given the example of the README that maps errors of multer', () => {
  test('then it is the code that runs here', () => {
    const block = blockWith('MulterError', new URL('../../README.md', import.meta.url))
    expect(bare(readFileSync(new URL('./uploads.ts', import.meta.url), 'utf8'))).toBe(bare(block))
  })

  test('when a file is within the limit, then the handler has it', async () => {
    const answer = await upload('avatar', 1_000_000)
    expect([answer.status, await answer.json()]).toEqual([200, { bytes: 1_000_000 }])
  })

  test('when a file is over the limit, then it is a 413 in the form of the pipeline', async () => {
    const answer = await upload('avatar', 1_000_001)
    expect(answer.status).toBe(413)
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'PAYLOAD_TOO_LARGE',
        message: 'File too large',
        request_id: answer.headers.get('x-request-id'),
      },
    })
  })

  test('when a file is in a field that is not expected, then it is a 400', async () => {
    const answer = await upload('other', 1)
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { error: { code: 'BAD_REQUEST', message: 'Unexpected file field' } },
    ])
  })
})
