import { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import express, { type Express } from 'express'

/**
 * An Express app for a server of HTTP/2, as the README shows it. Express 5 gives each request the
 * prototypes of `app.request` and `app.response`, which are HTTP/1's. This app has those of HTTP/2
 * instead.
 */
export function http2Express(): Express {
  const app = express()
  const prototype = (base: object, own: object) =>
    Object.create(base, {
      ...Object.getOwnPropertyDescriptors(own),
      app: { value: app, configurable: true, writable: true },
    })
  app.request = prototype(Http2ServerRequest.prototype, express.request)
  app.response = prototype(Http2ServerResponse.prototype, express.response)
  return app
}
