// What all Socket.IO servers do.

/** Nobody is pinged while something is measured: milliseconds. */
export const NEVER = 3_600_000;

export function handlers(io) {
  io.on("connection", (socket) => {
    socket.on("echo", (text, ack) => ack(text));
    socket.on("all", (text) => io.emit("all", text));
    socket.on("join", (room, ack) => {
      socket.join(room);
      ack();
    });
    socket.on("room", (room, text) => io.to(room).emit("all", text));
  });
}
