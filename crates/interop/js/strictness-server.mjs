// A server that says what it heard; the same in Rust is in tests/strictness.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { endWithTest, print } from "./lines.mjs";

const http = createServer((_, response) => response.writeHead(404).end());
const io = new Server(http);

endWithTest();
for (const name of ["/", "/mark", "/auth"]) {
  io.of(name).on("connection", (socket) => {
    socket.on("bytes", (bytes) => socket.emit("bytes", bytes.length));
    socket.onAny((event, ...args) => {
      if (event === "bytes" || event === "quiet") return;
      if (typeof args.at(-1) === "function") args.pop()(...args);
      else socket.emit("heard", event, ...args);
    });
  });
}
io.of("/auth").use((socket, next) => {
  next(socket.handshake.auth.token === "right" ? undefined : new Error("wrong token"));
});
http.listen(0, "127.0.0.1", () => print({ port: http.address().port }));
