// URL TRANSPORT ACTION: connects, does what ends the connection, and says why it went.
import { io } from "socket.io-client";
import { endWithTest, print } from "./lines.mjs";

const [url, transport, action] = process.argv.slice(2);
const socket = io(url, { transports: [transport], reconnectionDelay: 1 });
const actions = {
  leave: () => socket.disconnect(),
  "close the engine": () => socket.io.engine.close(),
  "break off": () => socket.io.engine.transport.ws.terminate(),
  "no packet": () => {
    const { transport } = socket.io.engine;
    if (transport.ws) transport.ws.send("7");
    else transport.doWrite("7", () => {});
  },
  "no packet of Socket.IO": () => socket.io.engine.send("9"),
  "no pongs": () => {
    const { engine } = socket.io;
    const send = engine.sendPacket;
    engine.sendPacket = (type, ...rest) => type === "pong" || send.call(engine, type, ...rest);
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
