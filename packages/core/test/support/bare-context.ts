import { type CompiledPipeline, HostContext } from '../../src/host.js'

/**
 * The least a host is: enough to run a pipeline by hand and to see what it returns, synchronously.
 */
export class BareContext extends HostContext {
  readonly sent: [string, string][] = []
  readonly raw = undefined
  readonly route = undefined
  watches = 0
  protected readonly encrypted = false

  constructor(
    pipeline: CompiledPipeline,
    readonly url = '/',
    readonly method = 'GET',
    readonly peer: string | undefined = '203.0.113.9',
    private readonly fields: Readonly<Record<string, string>> = {},
  ) {
    super(pipeline)
  }

  header(name: string): string | undefined {
    return this.fields[name]
  }

  headers(): readonly (readonly [name: string, value: string])[] {
    return Object.entries(this.fields)
  }

  setHeader(name: string, value: string): void {
    this.sent.push([name, value])
  }

  removeHeader() {}

  appendHeader(name: string, value: string): void {
    this.sent.push([name, value])
  }

  async bytes(): Promise<Uint8Array> {
    return new Uint8Array()
  }

  async *body(): AsyncGenerator<Uint8Array> {}

  async peek(): Promise<{ bytes: Uint8Array; complete: boolean }> {
    return { bytes: new Uint8Array(), complete: true }
  }

  protected watchEnd(): void {
    this.watches++
  }
}
