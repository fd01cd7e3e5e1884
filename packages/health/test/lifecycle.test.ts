import { expect, test } from 'vitest'
import { lifecycle } from '../src/index.js'

test('given a lifecycle when it drains then that is seen at once, with the reason, and never goes back', () => {
  const life = lifecycle()
  const heard: string[] = []
  life.signal.addEventListener('abort', () => heard.push(life.signal.reason.message))
  expect(life.draining).toBe(false)
  life.drain('SIGTERM')
  life.drain('again')
  expect(life.draining).toBe(true)
  expect(heard).toEqual(['The process shuts down: SIGTERM'])
})

test('given two lifecycles when one drains then the other does not', () => {
  const [one, other] = [lifecycle(), lifecycle()]
  one.drain('test')
  expect([one.draining, other.draining]).toEqual([true, false])
})
