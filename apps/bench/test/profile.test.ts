import { expect, it } from 'vitest'
import { selfTimes } from '../src/measure/profile.js'

it('adds up the self time of each function, wherever it was called from, without idle time', () => {
  const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 41 })
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(idle)') },
      { id: 2, callFrame: frame('setHeader', 'node:_http_outgoing') },
      { id: 3, callFrame: frame('setHeader', 'node:_http_outgoing') },
      { id: 4, callFrame: frame('', 'file:///somewhere/node_modules/koa/lib/application.js') },
    ],
    samples: [1, 2, 4, 3, 2],
    timeDeltas: [500, 100, 50, 100, 100],
  }
  expect(selfTimes(profile)).toEqual([
    { where: 'setHeader node:_http_outgoing:42', microseconds: 300 },
    { where: '(anonymous) koa/lib/application.js:42', microseconds: 50 },
  ])
})
