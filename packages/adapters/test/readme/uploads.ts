import { toExpress } from '@palisade/adapters/express'
import { pipeline, RequestError, requestId } from '@palisade/core'
import express from 'express'
import multer, { MulterError } from 'multer'

const edge = toExpress(
  pipeline({
    mapError: error =>
      error instanceof MulterError
        ? new RequestError(error.code === 'LIMIT_FILE_SIZE' ? 413 : 400, error.message)
        : undefined,
  }).use(requestId()),
)
const upload = multer({ limits: { fileSize: 1_000_000 } })

export const app = express().use(edge)
app.post('/avatar', upload.single('avatar'), (req, res) => res.json({ bytes: req.file?.size }))
app.use(edge.errorHandler)
