import type { Logger } from '../../src/index.js'

interface Line {
  readonly level: keyof Logger
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string | undefined
}

/** Keeps what is logged, so that a test can read it and the output stays quiet. */
export function memoryLogger(): Logger & { readonly lines: readonly Line[] } {
  const lines: Line[] = []
  const at = (level: keyof Logger) => (fields: object, message?: string) => {
    lines.push({ level, fields: fields as Record<string, unknown>, message })
  }
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}
