// OPTIONS: a server for the Rust client in bad times. {"port", "msgpack", "tls": {"key", "cert"},
// "io": the options of socket.io}. What the tests tell it comes as JSON lines.
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createInterface } from "node:readline";
import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";
import { plain, print } from "./lines.mjs";

const options = JSON.parse(process.argv[2] ?? "{}");
const http = options.tls ? createSecureServer(options.tls) : createServer();
const io = new Server(http, { ...options.io, ...(options.msgpack && { parser: msgpack }) });

const seen = new Set();

function serve(socket) {
  const headers = socket.handshake.headers;
  print({
    connected: {
      namespace: socket.nsp.name,
      auth: socket.handshake.auth,
      recovered: socket.recovered,
      transport: socket.conn.transport.name,
      cookie: headers.cookie,
      test: headers["x-test"],
      query: socket.handshake.query.room,
      id: socket.id,
    },
  });
  socket.conn.on("upgrade", (transport) => print({ upgraded: transport.name, cookie: transport.request?.headers?.cookie }));
  socket.on("disconnect", (reason) => print({ disconnected: reason, namespace: socket.nsp.name }));
  socket.onAny((name, ...args) => options.loud && print({ event: name, args: plain(args.filter((arg) => typeof arg !== "function")) }));
  socket.on("echo", (...args) => args.at(-1)(...args.slice(0, -1)));
  socket.on("join", (room, answer) => { socket.join(room); answer(); });
  socket.on("numbers", (count) => {
    for (let number = 0; number < count; number++) socket.emit("number", number);
  });
  // Every event is seen once, however often it comes; the first acks are lost.
  socket.on("lose acks", (key, times, answer) => {
    const tries = (lost.get(key) ?? 0) + 1;
    lost.set(key, tries);
    if (tries === 1) print({ first: key });
    if (tries > times) answer(tries);
  });
  // In order and without a gap, or it says so.
  socket.on("count", (client, number, answer) => {
    const key = client + ":" + number;
    const doubled = seen.has(key);
    seen.add(key);
    print({ counted: number, client, doubled });
    answer?.(number);
  });
  socket.on("leave me", () => socket.disconnect());
  socket.on("cut me", () => socket.conn.transport.socket?._socket?.destroy() ?? socket.conn.close());
  socket.on("what protocol", (answer) => answer(socket.conn.transport.socket?.protocol ?? null));
  socket.on("extensions", (answer) => answer(socket.conn.transport.socket?.extensions ?? null));
}

const lost = new Map();

io.on("connection", serve);
const admin = io.of("/admin");
admin.use((socket, next) => {
  if (typeof socket.handshake.auth.token === "number") return next();
  const error = new Error("not authorized");
  error.data = { code: 7 };
  next(error);
});
admin.on("connection", serve);
io.of("/other").on("connection", serve);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { broadcast, cut, room } = JSON.parse(line);
    if (broadcast) io.to(room ?? []).emit(...broadcast);
    if (cut) for (const [, socket] of io.of("/").sockets) socket.conn.transport.socket._socket.destroy();
    print({ done: true });
  })
  .on("close", () => process.exit(0));

http.listen(options.port ?? 0, "127.0.0.1", () => print({ port: http.address().port }));
