// Hocuspocus as its documentation starts it, without persistence: the fastest it can be.
import { Server } from '@hocuspocus/server'

const server = new Server({ address: process.env.HOST, port: Number(process.env.PORT), quiet: true })
await server.listen()
