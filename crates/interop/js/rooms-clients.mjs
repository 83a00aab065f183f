// URL CLIENTS ROOMS: so many clients, spread over so many rooms; the test tells the server what to
// broadcast and asks here who got it. Client i is in room i % ROOMS.
import { io } from "socket.io-client";
import { endWithTest, print } from "./lines.mjs";

const [url, clients, rooms] = process.argv.slice(2);
const connected = [];

endWithTest();
for (let i = 0; i < Number(clients); i++) {
  // Every third client stays on polling, every third connects by WebSocket at once.
  const transports = [["polling"], ["websocket"], ["polling", "websocket"]][i % 3];
  const socket = io(url, { transports, forceNew: true, reconnection: false });
  socket.on("connect_error", (error) => print({ failed: error.message }));
  socket.on("news", (tag) => print({ client: i, tag }));
  connected.push(
    new Promise((resolve) => {
      socket.on("connect", () => socket.emit("join", `room ${i % Number(rooms)}`, () => resolve(socket.id)));
    }),
  );
}
print({ ids: await Promise.all(connected) });
