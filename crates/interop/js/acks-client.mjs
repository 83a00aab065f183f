// URL TRANSPORTS: acks in both directions, namespaces with auth, disconnection.
import { io } from "socket.io-client";
import { endWithTest, plain, print } from "./lines.mjs";

const [url, transports] = process.argv.slice(2);
const options = { transports: transports.split(","), reconnection: false };
const socket = io(url, options);

endWithTest();
socket.on("connect_error", (error) => print({ failed: error.message }));
socket.on("ask", (question, bytes, answer) => answer(`re: ${question}`, bytes));
socket.on("silent", () => {});

const refused = io(`${url}/admin`, { ...options, auth: { token: "wrong" } });
refused.on("connect", () => print({ failed: "a wrong token was let in" }));
refused.on("connect_error", async (error) => {
  print({ refused: error.message, data: error.data });

  const unknown = io(`${url}/nowhere`, options);
  unknown.on("connect_error", (error) => print({ unknown: error.message }));

  const admin = io(`${url}/admin`, { ...options, forceNew: true, auth: { token: "right" } });
  admin.on("connect_error", (error) => print({ failed: error.message }));
  admin.on("disconnect", (reason) => print({ adminDisconnected: reason }));
  admin.on("connect", async () => {
    print({ admin: (await admin.emitWithAck("whoami")).length });
    admin.emit("leave me");
  });

  print({ sum: await socket.emitWithAck("add", 1, 2) });
  print({ echoed: plain(await socket.emitWithAck("echo", { deep: [Uint8Array.from([9, 8])] })) });
  print({ missing: await socket.emitWithAck("add", 1) });
  print({ server: plain(await socket.emitWithAck("ask me")) });
});
