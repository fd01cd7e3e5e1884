import {
  type EventName,
  type Logger,
  type Middleware,
  type Outcome,
  type Pipeline,
  type PipelineOptions,
  pipeline,
  type RequestContext,
} from '@palisade/core'
import { isPromise } from '@palisade/core/middleware'

type Hooks = Pick<Middleware, 'onRequest' | 'onResponse'>

export interface Gate {
  readonly opened: Promise<void>
  open(): void
}

/** Records what happens in one run of one behaviour. */
export class Probe {
  readonly trace: string[] = []
  /** As the first recording middleware that was built saw them. */
  readonly outcomes: Outcome[] = []
  readonly events: { readonly name: EventName; readonly payload: Readonly<Record<string, unknown>> }[] = []
  readonly logs: string[] = []
  /** When a recording middleware has run for the first time. */
  get reached(): Promise<void> {
    return this.gate('reached by a middleware').opened
  }

  private readonly gates = new Map<string, Gate>()
  private first: string | undefined = undefined
  private open = 0
  private idle: (() => void)[] = []

  readonly logger: Logger = {
    debug() {},
    info() {},
    warn: (fields, message) => this.log(fields, message),
    error: (fields, message) => this.log(fields, message),
  }

  /** An empty pipeline in production whose log is recorded. */
  pipeline(options: PipelineOptions = {}): Pipeline {
    return pipeline({ logger: this.logger, production: true, ...options })
  }

  /** Records when its hooks run, and does what they do. */
  middleware(name: string, hooks: Hooks = {}): Middleware {
    this.first ??= name
    const isFirst = this.first === name
    return {
      name,
      onRequest: ctx => {
        this.note(`${name}>`)
        this.open++
        this.gate('reached by a middleware').open()
        return hooks.onRequest?.(ctx)
      },
      onResponse: (ctx, outcome) => {
        this.note(`<${name}`)
        if (isFirst) this.outcomes.push(outcome)
        try {
          hooks.onResponse?.(ctx, outcome)
        } finally {
          this.settle()
        }
      },
    }
  }

  /** A middleware that only sets headers. */
  sets(headers: Readonly<Record<string, string>>, name = 'a'): Middleware {
    return this.middleware(name, {
      onRequest(ctx) {
        for (const [field, value] of Object.entries(headers)) ctx.setHeader(field, value)
      },
    })
  }

  /** A middleware that does something with the context before the handler. */
  does(action: (ctx: RequestContext) => unknown, name = 'a'): Middleware {
    return this.middleware(name, {
      onRequest(ctx) {
        const result = action(ctx)
        return isPromise(result) ? Promise.resolve(result).then(() => undefined) : undefined
      },
    })
  }

  note(what: string): void {
    this.trace.push(what)
  }

  gate(name: string): Gate {
    let gate = this.gates.get(name)
    if (gate === undefined) {
      let open = () => {}
      const opened = new Promise<void>(resolve => {
        open = resolve
      })
      gate = { opened, open }
      this.gates.set(name, gate)
    }
    return gate
  }

  listen(edge: Pipeline<object>, names: readonly EventName[]): void {
    for (const name of new Set(names))
      edge.events.on(name, payload => {
        this.events.push({ name, payload: payload as unknown as Readonly<Record<string, unknown>> })
      })
  }

  /** When every middleware that was reached has seen its response. */
  settled(): Promise<void> {
    if (this.open <= 0) return Promise.resolve()
    return new Promise(resolve => this.idle.push(resolve))
  }

  /** 0 when every `onResponse` ran exactly once. */
  get unanswered(): number {
    return this.open
  }

  private settle(): void {
    this.open--
    if (this.open === 0) for (const resolve of this.idle.splice(0)) resolve()
  }

  private log(fields: object, message = ''): void {
    const { err } = fields as { err?: unknown }
    this.logs.push(err === undefined ? message : `${message}: ${wordsOf(err)}`)
  }
}

/** The message of an error, or what else was thrown. */
export function wordsOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error)
  } catch {
    return `[${typeof error}]`
  }
}
