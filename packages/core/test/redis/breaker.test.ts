import { fakeClock } from '@palisade/core/testing'
import { describe, expect, it } from 'vitest'
import { CircuitBreaker } from '../../src/redis/breaker.js'

function given(rules: { failures?: number } = {}) {
  const clock = fakeClock()
  const changes: string[] = []
  const onChange = (state: string, previous: string) => void changes.push(`${previous} to ${state}`)
  const breaker = new CircuitBreaker(
    { failures: 3, backoff: 100, maxBackoff: 350, ...rules, onChange },
    clock,
  )
  const pass = () => {
    const given = breaker.enter()
    if (given === undefined) throw new Error('not let through')
    return given
  }
  const fail = (times = 1) => {
    for (let i = 0; i < times; i++) breaker.failed(pass())
  }
  return { clock, changes, breaker, pass, fail }
}

describe('a circuit breaker', () => {
  it('opens after so many failures in a row, and lets nothing through', () => {
    const { breaker, fail } = given()
    fail(2)
    expect(breaker.state).toBe('closed')
    fail()
    expect(breaker.state).toBe('open')
    expect(breaker.admits).toBe(false)
    expect(breaker.enter()).toBeUndefined()
  })

  it('stays closed while a success comes between failures', () => {
    const { breaker, pass, fail } = given()
    for (let i = 0; i < 10; i++) {
      fail(2)
      breaker.succeeded(pass())
    }
    expect(breaker.state).toBe('closed')
  })

  it('lets exactly one call probe when the back-off is over', () => {
    const { clock, breaker, fail } = given()
    fail(3)
    clock.advance(99)
    expect(breaker.enter()).toBeUndefined()
    clock.advance(1)
    expect(breaker.admits).toBe(true)
    expect(breaker.enter()).toBeDefined()
    expect(breaker.state).toBe('half-open')
    expect(breaker.admits).toBe(false)
    expect(breaker.enter()).toBeUndefined()
  })

  it('closes when the probe succeeds, and counts from nothing', () => {
    const { clock, breaker, pass, fail, changes } = given()
    fail(3)
    clock.advance(100)
    breaker.succeeded(pass())
    fail(2)
    expect(breaker.state).toBe('closed')
    expect(changes).toEqual(['closed to open', 'open to half-open', 'half-open to closed'])
  })

  it('doubles the back-off with each failed probe up to its maximum, and forgets it after a success', () => {
    const { clock, breaker, pass, fail } = given()
    const waits = () => {
      let ms = 0
      for (; !breaker.admits; ms++) clock.advance(1)
      return ms
    }
    fail(3)
    const seen = [waits()]
    for (let i = 0; i < 4; i++) {
      fail()
      seen.push(waits())
    }
    breaker.succeeded(pass())
    fail(3)
    expect([...seen, waits()]).toEqual([100, 200, 350, 350, 350, 100])
  })

  it('hears nothing from calls that were sent before it opened', () => {
    const { clock, breaker, pass, fail } = given()
    const [early, late] = [pass(), pass()]
    fail(3)
    breaker.succeeded(early)
    expect(breaker.state).toBe('open')
    clock.advance(100)
    pass()
    breaker.failed(late)
    expect(breaker.state).toBe('half-open')
  })

  it('is not stopped by a listener that throws', () => {
    const clock = fakeClock()
    const onChange = () => {
      throw new Error('listener')
    }
    const breaker = new CircuitBreaker({ failures: 1, backoff: 1, maxBackoff: 1, onChange }, clock)
    breaker.failed(breaker.enter() ?? -1)
    expect(breaker.state).toBe('open')
  })

  it('does not depend on the time of day', () => {
    const { clock, breaker, fail } = given()
    fail(3)
    clock.set(0)
    clock.advance(100)
    expect(breaker.admits).toBe(true)
  })
})
