import { expect } from 'vitest'
import type { Behaviour, Expected, ExpectedOutcome } from './behaviour.js'
import { type Answered, type Client, header } from './client/client.js'
import type { Host } from './hosts/host.js'
import { Probe, wordsOf } from './probe.js'

/** Why a behaviour cannot be seen on a host; `undefined` when it can. */
export function reasonAgainst(behaviour: Behaviour, host: Host): string | undefined {
  const { needs = [], only, notOn = {} } = behaviour
  if (only !== undefined && !only.hosts.includes(host.name)) return only.because
  for (const need of needs) if (host.lacks[need] !== undefined) return host.lacks[need]
  return notOn[host.name]
}

/** Runs a behaviour on a host, from start to close. */
export async function run(behaviour: Behaviour, host: Host): Promise<void> {
  const probe = new Probe()
  const edge = behaviour.edge?.(probe) ?? probe.pipeline().use(probe.middleware('a'))
  const branches = behaviour.branches?.(edge, probe) ?? {}
  const app = behaviour.app ?? {}
  const events = behaviour.events ?? []
  probe.listen(
    edge,
    events.map(([name]) => name),
  )
  const neighbour = app.neighbour?.(probe)
  const running = await host.start({ edge, branches, neighbour, app, probe })
  try {
    const answers = await perform(behaviour, running.client, probe)
    await probe.settled()
    answers.forEach((answer, i) => {
      const { gets } = behaviour
      const expected = Array.isArray(gets) ? (gets as readonly Expected[])[i] : (gets as Expected)
      if (expected === undefined) throw new Error(`the behaviour expects nothing of answer ${i + 1}`)
      check(answer, expected)
    })
  } finally {
    await running.close()
  }
  if (behaviour.trace !== undefined) expect(probe.trace).toEqual(behaviour.trace)
  if (behaviour.outcomes !== undefined) {
    expect(probe.outcomes).toHaveLength(behaviour.outcomes.length)
    for (const [i, expected] of behaviour.outcomes.entries()) checkOutcome(probe.outcomes[i], expected, host)
  }
  expect(probe.events.map(({ name }) => name)).toEqual(events.map(([name]) => name))
  for (const [i, [, facts, how]] of events.entries()) {
    const seen = expect(probe.events[i]?.payload)
    if (how === 'whole') seen.toStrictEqual(facts)
    else seen.toMatchObject(facts)
  }
  const { logs = [] } = behaviour
  if (logs !== 'any') {
    expect(probe.logs).toHaveLength(logs.length)
    for (const [i, log] of logs.entries()) expect(probe.logs[i]).toMatch(log)
  }
  expect(probe.unanswered, 'each onResponse runs exactly once').toBe(0)
}

async function perform({ when }: Behaviour, client: Client, probe: Probe): Promise<readonly Answered[]> {
  if (typeof when === 'function') return when(client, probe)
  const answers: Answered[] = []
  for (const request of [when].flat()) answers.push(await client.send(request))
  return answers
}

function check(answer: Answered, { status, headers = {}, body, closed }: Expected): void {
  if (status !== undefined) expect(answer.status, answer.body).toBe(status)
  for (const [name, expected] of Object.entries(headers)) {
    const lines = header(answer, name)
    if (expected === null) expect(lines, name).toEqual([])
    else if (typeof expected === 'string') expect(lines, name).toEqual([expected])
    else if (expected instanceof RegExp) expect(lines.join('\n'), name).toMatch(expected)
    else expect(lines, name).toEqual(expected)
  }
  if (typeof body === 'string') expect(answer.body).toBe(body)
  else if (body instanceof RegExp) expect(answer.body).toMatch(body)
  else body?.(answer.body)
  if (closed !== undefined && answer.closed !== undefined) expect(answer.closed).toBe(closed)
}

function checkOutcome(actual: object | undefined, expected: ExpectedOutcome, host: Host): void {
  const { error, route, ownRoute, ...facts } = expected
  expect(actual).toMatchObject(facts)
  // A host without a router does not say which route answered.
  if (ownRoute !== undefined) expect(actual).toHaveProperty('route', ownRoute)
  if ('route' in expected)
    expect(actual).toHaveProperty('route', host.lacks.router === undefined ? route : undefined)
  if (error === undefined) return
  const { error: thrown } = actual as { error?: unknown }
  if (error === null) expect(thrown).toBeUndefined()
  else expect(thrown === undefined ? undefined : wordsOf(thrown)).toMatch(error)
}
