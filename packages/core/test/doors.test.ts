import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

/** The names that a file exports, types included, as its text says them. */
function namesOf(door: string): string[] {
  const text = readFileSync(new URL(`../src/${door}.ts`, import.meta.url), 'utf8')
  const lists = [...text.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, list = '']) =>
    list.split(','),
  )
  return lists
    .map(name => name.replace('type ', '').trim())
    .filter(name => name !== '')
    .sort()
}

const words = (text: string) => text.trim().split(/\s+/).sort()

/** What each door offers. A name more is a promise more: add it here on purpose. */
const DOORS = {
  index: `
    ClientAddress Clock ConfigError ConfigProblem CorsOptions CspDirectives Denial Diagnosis
    DirectPeerOptions Duration EmittedEvent ErrorRenderer EventBus EventName EventPattern
    EventStream Failure ForwardedOptions HeaderBag HstsOptions Identity Listener Logger MapError
    MaybePromise Middleware Nonce OriginFunction OriginOption Outcome PalisadeEvents
    PermissionsPolicy Pipeline PipelineOptions PrivateNetworksOptions ProxyOptions Reply ReplyBody
    RequestContext RequestError RequestIdOptions SecurityHeadersOptions Services SingleHeaderOptions
    Trust Violation consoleLogger cors directPeer envelope nonce pipeline privateNetworks
    problemDetails provideIdentity requestId securityHeaders singleHeader trustedHops trustedProxies`,
  middleware: `
    Caller Mode
    AcceptedName AddressRange BEARER BearerOptions Check Checked CidrSet ClientAddress Clock ConfigError Decision
    Denial Duration EitherName Guard HeaderBag Identity KeyValueStore LimitDecision LimitHeaderOptions
    LimitHeaders LimitReceipt Limiter Logger MaybePromise Middleware Milliseconds Needed OptionPath
    Outcome PreferredRules QuotaState Reply RequestContext RequestError RequestFacts RowFilter Services
    SharedHeaders Trust Violation alsoCalled assertIdentity bindMethods booleanResult callback canonicalCidr
    canonicalIp challengeOf checkOptions cidrs clientKey duration either flag foldCase having
    headerName ignoreRejection inspectable integer isPromise isolatedLogger limitHeaderOptions list
    mode networkOf object oneOf optional orFalse ownHeaderName parseDuration preferred present
    quotedString refusalOf refuse refuseRuntime requireProcess routingPath startOf systemClock text
    tightest within wrongResult`,
  admin: `
    AdminHandler AdminOptions AdminRoutes CheckedFields FaultyField FieldRules QueryRoute adminApi
    checkFields checkQuery faulty integerText readJson withQuery`,
  host: `
    CompiledPipeline HostContext HostView answerError denialOf discard exposedMessage inspectable
    isReply reportError reportHandled succeed takenFrom`,
}

describe('the doors of core', () => {
  test.each(Object.entries(DOORS))('given %s when its names are read then they are these', (door, names) => {
    expect(namesOf(door)).toEqual(words(names))
  })

  test('given the door for teams when its names are counted then there are at most 60', () => {
    expect(namesOf('index').length).toBeLessThanOrEqual(60)
  })

  test.each(Object.keys(DOORS))('given %s when it is read then it has exports only', door => {
    const text = readFileSync(new URL(`../src/${door}.ts`, import.meta.url), 'utf8')
    expect(text.replaceAll(/export (?:type )?\{[^}]*\} from '[^']+'\n/g, '')).toBe('')
  })
})
