// Servers on Bun: `bun bun.mjs echo` echoes, `bun bun.mjs socket.io` speaks Socket.IO.
// It prints its port.

import { Server as Engine } from "@socket.io/bun-engine";
import { Server } from "socket.io";
import { NEVER, handlers } from "./handlers.mjs";

let options;
if (process.argv[2] === "echo") {
  options = {
    fetch(request, server) {
      return server.upgrade(request) ? undefined : new Response(null, { status: 400 });
    },
    websocket: {
      message: (socket, data) => void socket.send(data),
    },
  };
} else {
  const engine = new Engine({ path: "/socket.io/", pingInterval: NEVER, pingTimeout: NEVER });
  const io = new Server();
  io.bind(engine);
  handlers(io);
  // The longest that Bun allows; the engine asks for what fits its pings.
  options = { ...engine.handler(), idleTimeout: 255 };
}
const server = Bun.serve({ ...options, port: 0, hostname: "127.0.0.1" });
console.log(server.port);
