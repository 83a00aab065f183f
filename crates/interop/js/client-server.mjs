// [OPTIONS]: a server for the Rust client, which asks by events for what it is to see.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { endWithTest, plain, print } from "./lines.mjs";

const http = createServer();
const io = new Server(http, JSON.parse(process.argv[2] ?? "{}"));

endWithTest();

io.on("connection", (socket) => {
  print({ query: socket.handshake.query.room, header: socket.handshake.headers["x-test"] });
  socket.on("add", (a, b, answer) => answer(a + b));
  socket.on("echo", (value, answer) => answer(value));
  socket.on("silent", () => {});
  socket.on("ask me", async (answer) => {
    const sum = await socket.emitWithAck("add", 1, 2);
    const echoed = await socket.emitWithAck("echo", { deep: [Buffer.from([9, 8])] });
    const [text, bytes] = await new Promise((resolve) =>
      socket.emit("several", (...args) => resolve(args)),
    );
    const failed = await socket.emitWithAck("add", "x");
    const timeout = await socket.timeout(50).emitWithAck("silent").catch((error) => error.message);
    answer(plain({ sum, echoed, text, bytes, failed, timeout }));
  });
  socket.on("numbers", (count) => {
    for (let number = 0; number < count; number++) socket.emit("number", number);
  });
  socket.on("count heartbeats", (wanted) => {
    let heard = 0;
    socket.conn.on("heartbeat", () => ++heard === wanted && print({ heartbeats: heard }));
  });
  socket.on("stop pings", () => clearTimeout(socket.conn.pingIntervalTimer));
  socket.on("leave me", () => socket.disconnect());
  socket.on("close me", () => socket.disconnect(true));
  socket.on("drop me", () => socket.conn.transport.socket._socket.destroy());
  socket.on("exit", () => process.exit(0));
  socket.on("disconnect", (reason) => print({ disconnected: reason }));
});

const admin = io.of("/admin");
admin.use((socket, next) => {
  if (socket.handshake.auth.token === "right") return next();
  const error = new Error("not authorized");
  error.data = { code: 7, content: "Please retry later" };
  next(error);
});
admin.on("connection", (socket) => {
  socket.emit("welcome", socket.handshake.auth, socket.id);
  socket.on("leave me", () => socket.disconnect());
  socket.on("disconnect", (reason) => print({ adminDisconnected: reason }));
});

http.listen(0, "127.0.0.1", () => print({ port: http.address().port }));
