// The server's half of the conversation.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { endWithTest, plain, print } from "./lines.mjs";

const http = createServer();
const io = new Server(http);

endWithTest();
io.on("connection", (socket) => {
  socket.send("Hello!");
  socket.emit("greetings", "Hey!", { ms: "jane" }, Buffer.from([4, 3, 3, 1]));
  socket.onAny((event, ...args) => print({ event, args: args.map(plain) }));
});
http.listen(0, "127.0.0.1", () => print({ port: http.address().port }));
