import { Reply } from '@palisade/core'
import { describe, expect, it } from 'vitest'
import { violation } from '../../src/index.js'
import { HOUR, MINUTE, yard } from '../support/yard.js'

const A = '203.0.113.9'
const B = '203.0.113.10'
const marks = (site: string, mode: string, dest: string) => ({
  'sec-fetch-site': site,
  'sec-fetch-mode': mode,
  'sec-fetch-dest': dest,
})

/** What a page of another site, or a page at all, can make a browser send on its own. */
const INDUCED: readonly (readonly [what: string, headers: Readonly<Record<string, string>>])[] = [
  ['an image of another site', marks('cross-site', 'no-cors', 'image')],
  ['a script of another site', marks('cross-site', 'no-cors', 'script')],
  ['a fetch of another site', marks('cross-site', 'cors', 'empty')],
  ['a frame of another site', marks('cross-site', 'navigate', 'iframe')],
  ['a window that another site opens', marks('cross-site', 'navigate', 'document')],
  ['a form of another site', marks('cross-site', 'navigate', 'document')],
  ['an image of a sibling site', marks('same-site', 'no-cors', 'image')],
  ['a window that a sibling site opens', marks('same-site', 'navigate', 'document')],
  ['an image in a page of this site', marks('same-origin', 'no-cors', 'image')],
  ['a fetch of a page of this site', marks('same-origin', 'cors', 'empty')],
  ['a style of this site', marks('same-origin', 'no-cors', 'style')],
  ['a frame of this site', marks('same-origin', 'navigate', 'iframe')],
  ['a WebSocket', marks('cross-site', 'websocket', 'empty')],
  ['a browser that sends the site alone', { 'sec-fetch-site': 'cross-site' }],
  ['a browser that sends the destination alone', { 'sec-fetch-dest': 'image' }],
  ['a browser that sends the mode alone', { 'sec-fetch-mode': 'no-cors' }],
  ['other letters', { 'sec-fetch-site': 'Cross-Site' }],
]

const OWN: readonly (readonly [what: string, headers: Readonly<Record<string, string>>])[] = [
  ['no such header, as of a script', {}],
  ["the mode that Node's fetch() sends alone", { 'sec-fetch-mode': 'cors' }],
  ['an address that was typed', marks('none', 'navigate', 'document')],
  ['a link on this site', marks('same-origin', 'navigate', 'document')],
]

describe.each(INDUCED)('given %s', (_, headers) => {
  it('when it asks for two probe paths then nobody is banned, and one violation is told', async () => {
    const { miss, bans, eventsOf } = yard()
    for (const url of ['/.env', '/.git/config', '/wp-login.php', '/.env']) await miss(A, url, { headers })
    expect(bans.list()).toEqual([])
    expect(eventsOf('security:violation')).toMatchObject([{ source: 'probe', weight: 1, key: A }])
  })

  it('when it asks for many missing paths then nobody is banned', async () => {
    const { miss, bans, eventsOf } = yard()
    for (let i = 0; i < 50; i++) await miss(A, `/${i}`, { headers })
    expect(bans.list()).toEqual([])
    expect(eventsOf('security:violation')).toHaveLength(1)
  })
})

it.each(OWN)('given %s then each path counts as ever', async (_, headers) => {
  const { miss, bans } = yard()
  for (const url of ['/.env', '/.git/config']) await miss(A, url, { headers })
  expect(bans.find(A)).toMatchObject({ violations: 6 })
})

describe('given requests that a page made a browser send', () => {
  const image = { headers: marks('cross-site', 'no-cors', 'image') }

  it('when missing paths and probes are mixed then they count once together, and again in the next window', async () => {
    const { miss, eventsOf, clock } = yard()
    const both = async () => {
      await miss(A, '/gone', image)
      await miss(A, '/.env', image)
    }
    await both()
    clock.advance(10 * MINUTE - 1)
    await both()
    expect(eventsOf('security:violation')).toHaveLength(1)
    clock.advance(1)
    await both()
    expect(eventsOf('security:violation')).toHaveLength(2)
  })

  it('when jails have other windows then they count once within the window of each', async () => {
    const { miss, bans, clock } = yard({
      jails: [
        { name: 'short', sources: ['not-found', 'probe'], threshold: 2, window: '1m', ban: '1m' },
        { name: 'long', sources: ['not-found', 'probe'], threshold: 2, window: '1h', ban: '2m' },
        { name: 'probes', sources: ['probe'], threshold: 2, window: '1h', ban: '3m' },
      ],
    })
    for (let i = 0; i < 59; i++) {
      await miss(A, `/${i}`, image)
      await miss(A, '/.env', image)
      clock.advance(MINUTE)
    }
    expect(bans.list()).toEqual([])
  })

  it('when a jail hears of probes alone then its own window holds', async () => {
    const { miss, bans, clock } = yard({
      jails: [{ name: 'probes', sources: ['probe'], threshold: 2, window: '1h', ban: '3m' }],
    })
    for (let i = 0; i < 3; i++) {
      await miss(A, '/.env', image)
      clock.advance(HOUR - 1)
      await miss(A, '/.env', image)
      clock.advance(1)
    }
    expect(bans.list()).toEqual([])
  })

  it('when another client sends them then it is counted for itself', async () => {
    const { miss, eventsOf } = yard()
    await miss(A, '/.env', image)
    await miss(B, '/.env', image)
    expect(eventsOf('security:violation')).toMatchObject([{ key: A }, { key: B }])
  })

  it('when the client asks for a path itself afterwards then it counts as ever', async () => {
    const { miss, bans } = yard({ maxViolations: 4 })
    await miss(A, '/.env', image)
    await miss(A, '/.env')
    expect(bans.find(A)).toMatchObject({ violations: 4 })
  })

  it('when its ban is lifted then it begins anew', async () => {
    const { miss, bans, eventsOf } = yard({ maxViolations: 1 })
    await miss(A, '/.env', image)
    await bans.unban(A)
    await miss(A, '/.env', image)
    expect(eventsOf('security:violation')).toHaveLength(2)
  })

  it('when they are failed logins or exceeded limits then each counts', async () => {
    for (const source of ['auth', 'rate-limit', 'honeypot']) {
      const { visit, bans } = yard()
      for (let i = 0; i < 5; i++)
        await visit(A, {
          ...image,
          handler(ctx) {
            violation(ctx, { source })
            return new Reply(401)
          },
        })
      expect(bans.find(A)).toMatchObject({ violations: 5, source })
    }
  })

  it('when a team says of its own source that it counts once then it does, beside the paths', async () => {
    const { visit, miss, bans } = yard({ maxViolations: 2 })
    for (let i = 0; i < 5; i++)
      await visit(A, {
        handler(ctx) {
          violation(ctx, { source: 'trap', once: true })
          return new Reply(200)
        },
      })
    await miss(A, '/.env', image)
    expect(bans.list()).toEqual([])
    await miss(A, '/gone')
    expect(bans.find(A)).toMatchObject({ violations: 2 })
  })
})
