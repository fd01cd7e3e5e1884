interface HasHeaders {
  header(lowerCaseName: string): string | undefined
}

/** Headers that hold one client address, written by a proxy. `singleHeader()` can read each. */
export const ADDRESS_HEADERS: readonly string[] = [
  'cf-connecting-ip',
  'true-client-ip',
  'x-real-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-external-address',
  'x-azure-clientip',
  'x-azure-socketip',
  'x-appengine-user-ip',
  'x-vercel-forwarded-for',
  'x-nf-client-connection-ip',
  'do-connecting-ip',
  'cloudfront-viewer-address',
  'cf-connecting-ipv6',
  'cf-pseudo-ipv4',
  'ali-cdn-real-ip',
  'cdn-src-ip',
  'incap-client-ip',
  'x-sucuri-clientip',
  'x-original-forwarded-for',
  'x-forwarded',
  'forwarded-for',
  'x-forwarded-client-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-proxyuser-ip',
  'wl-proxy-client-ip',
  'proxy-client-ip',
  'client-ip',
]

/** Other headers that proxies, load balancers and content networks add. */
const OTHER_TRACES: readonly string[] = [
  'via',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-protocol',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-prefix',
  'x-forwarded-path',
  'x-forwarded-by',
  'x-forwarded-method',
  'x-forwarded-uri',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-client-cert',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'x-original-host',
  'x-original-proto',
  'x-original-uri',
  'x-original-url',
  'x-original-method',
  'x-rewrite-url',
  'x-proxied-for',
  'x-amzn-trace-id',
  'x-amz-cf-id',
  'cloudfront-forwarded-proto',
  'cloudfront-viewer-country',
  'x-azure-ref',
  'x-azure-fdid',
  'x-azure-requestchain',
  'x-arr-log-id',
  'x-arr-ssl',
  'disguised-host',
  'x-appengine-country',
  'x-cloud-trace-context',
  'cdn-loop',
  'cf-ray',
  'cf-visitor',
  'cf-ipcountry',
  'cf-worker',
  'fastly-ff',
  'fastly-ssl',
  'x-varnish',
  'fly-forwarded-port',
  'fly-forwarded-proto',
  'fly-region',
  'x-vercel-id',
  'x-render-origin-server',
  'x-railway-edge',
  'x-railway-request-id',
  'x-request-start',
  'x-envoy-attempt-count',
  'x-envoy-decorator-operation',
  'x-envoy-expected-rq-timeout-ms',
  'x-envoy-internal',
  'x-envoy-original-host',
  'x-envoy-original-path',
  'x-envoy-peer-metadata',
  'x-envoy-peer-metadata-id',
  'akamai-origin-hop',
  'x-akamai-edgescape',
  'x-akamai-config-log-detail',
  'x-nginx-proxy',
  'x-proxy-user-ip',
  'proxy-connection',
  'max-forwards',
]

const TRACES: readonly string[] = ['x-forwarded-for', 'forwarded', ...ADDRESS_HEADERS, ...OTHER_TRACES]

const ADDRESS_TRACES = TRACES.filter(
  name => ADDRESS_HEADERS.includes(name) || /^(?:x-forwarded-|forwarded$|via$|cdn-loop$)/.test(name),
)

/**
 * The headers by which a proxy passes on its client. Ids of traces do not count: applications pass
 * them on too.
 */
export function addressTraces(request: HasHeaders): readonly string[] {
  return ADDRESS_TRACES.filter(name => request.header(name) !== undefined)
}

/** Whether a proxy left a header in the request. */
export function hasProxyTrace(request: HasHeaders): boolean {
  return TRACES.some(name => request.header(name) !== undefined)
}
