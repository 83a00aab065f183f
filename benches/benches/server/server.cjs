// The JavaScript server, with the same handlers as the others. Started in the folder of its packages.
const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const { Server } = createRequire(process.cwd() + "/")("socket.io");

const http = createServer();
const io = new Server(http, { pingInterval: 3_600_000, pingTimeout: 3_600_000 });
io.on("connection", (socket) => {
  socket.on("echo", (text, ack) => ack(text));
  socket.on("all", (text) => io.emit("all", text));
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
