// URL COUNT: numbered messages in both directions while the transport changes. It says when messages
// flow in both, and when it is upgraded, for which half of the messages wait.
import { io } from "socket.io-client";
import { endWithTest, print } from "./lines.mjs";

const [url, count] = process.argv.slice(2);
const socket = io(url, { reconnection: false });
const received = [];
let sent = 0;
let allowed = Number(count) / 2;

function sendSome() {
  for (let i = 0; i < 50 && sent < allowed; i++) socket.emit("number", sent++);
  if (sent < Number(count)) setTimeout(sendSome, 1);
}

function finish() {
  const inOrder = received.length === Number(count) && received.every((number, index) => number === index);
  print({ received: received.length, inOrder, transport: socket.io.engine.transport.name });
}

endWithTest();
socket.on("connect_error", (error) => print({ failed: error.message }));
socket.on("disconnect", (reason) => print({ failed: reason }));
socket.on("connect", () => {
  const { engine } = socket.io;
  print({ connected: engine.transport.name });
  engine.on("upgrade", (transport) => {
    print({ upgraded: transport.name, sent, received: received.length });
    allowed = Number(count);
    socket.emit("upgraded");
  });
  sendSome();
});
socket.on("number", (number) => {
  received.push(number);
  if (received.length === 1) socket.emit("flowing");
  if (received.length === Number(count)) finish();
});
