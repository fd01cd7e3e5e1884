export { canonicalCidr, networkOf } from './cidr.js'
export { type AddressRange, CidrSet, cidrs } from './cidr-set.js'
export type { ClientAddress, Trust } from './client-address.js'
export { clientKey } from './client-key.js'
export { canonicalIp } from './ip.js'
export {
  type DirectPeerOptions,
  directPeer,
  type ForwardedOptions,
  type ProxyOptions,
  type SingleHeaderOptions,
  singleHeader,
  trustedHops,
  trustedProxies,
} from './trust.js'
