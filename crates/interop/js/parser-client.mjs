// URL TRANSPORTS: a conversation in MessagePack.
import { io } from "socket.io-client";
import parser from "socket.io-msgpack-parser";
import { endWithTest, plain, print } from "./lines.mjs";

const [url, transports] = process.argv.slice(2);
const options = { parser, transports: transports.split(","), reconnection: false };
const bytes = Uint8Array.from([0, 4, 255, 30]);

endWithTest();
const connect = (namespace, auth) =>
  new Promise((resolve, reject) => {
    const socket = io(`${url}${namespace}`, { ...options, forceNew: true, auth });
    socket.on("connect", () => resolve(socket));
    socket.on("connect_error", reject);
  });

const refused = await connect("/admin", { token: "wrong" }).catch((error) => error);
print({ refused: refused.message, data: refused.data });
const admin = await connect("/admin", { token: "right" });
print({ admin: (await admin.emitWithAck("whoami")) === admin.id });
admin.on("disconnect", (reason) => print({ adminDisconnected: reason }));
admin.emit("leave me");

const [socket, other] = [await connect("/", {}), await connect("/", {})];
socket.on("ask", (question, answer) => answer({ ...question, n: question.n + 1 }));
socket.on("news", (...args) => print({ news: plain(args) }));
other.on("news", (...args) => print({ other: plain(args) }));
print({ echoed: plain(await socket.emitWithAck("echo", { text: "é😀", deep: [bytes, { bytes }] })) });
print({ asked: plain(await socket.emitWithAck("ask me", bytes)) });
await socket.emitWithAck("spread", [1.5, -7, null, true], bytes);
