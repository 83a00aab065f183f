// The client's half of the conversation: URL TRANSPORTS, as in `polling,websocket`.
import { io } from "socket.io-client";
import { endWithTest, plain, print } from "./lines.mjs";

const [url, transports] = process.argv.slice(2);
const wanted = transports.split(",");
const socket = io(url, { transports: wanted, reconnection: false });

endWithTest();
socket.on("connect", () => {
  socket.send("Hello!");
  socket.emit("salutations", "Hello!", { mr: "john" }, Uint8Array.from([1, 2, 3, 4]));

  const { engine } = socket.io;
  const last = wanted.at(-1);
  if (engine.transport.name === last) print({ transport: last });
  engine.on("upgrade", (transport) => print({ transport: transport.name }));
});
socket.on("connect_error", (error) => print({ failed: error.message }));
socket.onAny((event, ...args) => print({ event, args: args.map(plain) }));
socket.on("disconnect", (reason) => print({ disconnected: reason }));
