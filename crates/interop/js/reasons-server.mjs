// INTERVAL TIMEOUT: a server that says why its sockets went; the same in Rust is in tests/reasons.rs.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { Server } from "socket.io";
import { print } from "./lines.mjs";

const [pingInterval, pingTimeout] = process.argv.slice(2).map(Number);
const http = createServer();
const io = new Server(http, { pingInterval, pingTimeout });

io.on("connection", (socket) => {
  socket.on("disconnect", (reason) => print({ left: reason }));
  socket.on("disconnect me", () => socket.disconnect());
  socket.on("close me", () => socket.disconnect(true));
  socket.on("disconnect all", () => io.disconnectSockets());
  socket.on("close all", () => io.disconnectSockets(true));
});
const input = createInterface({ input: process.stdin });
input.on("line", () => io.close());
input.on("close", () => process.exit(0));
http.listen(0, "127.0.0.1", () => print({ port: http.address().port }));
