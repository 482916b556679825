// A server at a path, in a process of its own: `server.cjs stream|http PATH BACKLOG`. Says when it listens.

const http = require('node:http');
const net = require('node:net');

const [, , kind, path, backlog] = process.argv;
const server =
  kind === 'http'
    ? http.createServer((_request, response) => response.end('pong'))
    : net.createServer((socket) => socket.on('error', () => undefined).resume());
if (server instanceof http.Server) server.keepAliveTimeout = 0;
server.listen({ path, backlog: Number(backlog) }, () => console.log('listening'));
process.stdin.resume().on('end', () => process.exit());
