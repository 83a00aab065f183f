// URL TRANSPORT ACTION: connects, does what ends the connection, and says why it went.
import { io } from "socket.io-client";
import { endWithTest, print } from "./lines.mjs";

const [url, transport, action] = process.argv.slice(2);
const socket = io(url, { transports: [transport], reconnectionDelay: 1 });
const actions = {
  leave: () => socket.disconnect(),
  "close the engine": () => socket.io.engine.close(),
  "break off": () => socket.io.engine.transport.ws.terminate(),
  "no frame": () => socket.io.engine.transport.ws._socket.write(Buffer.from([0xff, 0x80, 0, 0, 0, 0])),
  "no packet": () => socket.io.engine.transport.ws.send("7"),
  "no packet of Socket.IO": () => socket.io.engine.send("9"),
  "no pongs": () => {
    const { ws } = socket.io.engine.transport;
    const { send } = ws;
    ws.send = (data, ...rest) => data === "3" || send.call(ws, data, ...rest);
  },
  wait: () => print({ waiting: true }),
};

endWithTest();
socket.once("connect", () => (actions[action] ?? (() => socket.emit(action)))());
socket.on("disconnect", (reason) => {
  // Whether it comes back by itself.
  print({ disconnected: reason, active: socket.active });
  socket.disconnect();
});
