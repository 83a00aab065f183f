// Servers on Node.js: `node node.mjs ws` echoes, `node node.mjs socket.io` speaks Socket.IO.
// It prints its port.

import { createServer } from "node:http";
import { Server } from "socket.io";
import { WebSocketServer } from "ws";
import { NEVER, handlers } from "./handlers.mjs";

const server = createServer();
if (process.argv[2] === "ws") {
  new WebSocketServer({ server }).on("connection", (socket) => {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
  });
} else {
  handlers(new Server(server, { pingInterval: NEVER, pingTimeout: NEVER }));
}
server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => {
  console.log(server.address().port);
});
