// URL: what the server's operators, middlewares and listeners look like from here.
import { io } from "socket.io-client";
import { endWithTest, print } from "./lines.mjs";

const [url] = process.argv.slice(2);
const options = { transports: ["websocket"], reconnection: false };

endWithTest();
const connect = (namespace, auth) =>
  new Promise((resolve, reject) => {
    const socket = io(`${url}${namespace}`, { ...options, forceNew: true, auth });
    socket.on("connect", () => resolve(socket));
    socket.on("connect_error", reject);
  });
const error = async (namespace, auth) => {
  const { message, data } = await connect(namespace, auth).catch((error) => error);
  return { message, data };
};

// Broadcast acks: two answer, one does not.
const voters = await Promise.all([1, 2, 3].map(() => connect("/", {})));
voters.slice(0, 2).forEach((socket, index) => socket.on("vote", (topic, answer) => answer(index)));
print({ ids: voters.map((socket) => socket.id) });

// Dynamic namespaces.
print({ dynamic: await (await connect("/tenant-1", { tenant: 1 })).emitWithAck("where") });
print({ wrongTenant: await error("/tenant-1", { tenant: 2 }) });
print({ middleware: await error("/tenant-13", { tenant: 13 }) });

// An event that a middleware refuses is not answered; the socket goes on.
const [socket] = voters;
print({ refused: (await socket.timeout(200).emitWithAck("forbidden").catch((error) => error)).message });
print({ own: await socket.emitWithAck("own") });
print({ once: [await socket.emitWithAck("once"), await socket.emitWithAck("once")] });
print({ reason: await new Promise((resolve) => {
  socket.on("disconnect", resolve);
  socket.emit("leave");
}) });
print({ closed: await new Promise((resolve) => {
  voters[1].on("disconnect", resolve);
  voters[1].emit("close all");
}) });
