// URL: what of HTTP a client in Node.js sees: compression of WebSockets, refusals, headers, bundles.
import { Socket as Engine } from "engine.io-client";
import engine3 from "engine.io-client-3";
import { io } from "socket.io-client";
import { endWithTest, print } from "./lines.mjs";

const [url] = process.argv.slice(2);
endWithTest();

// Compression of WebSockets, where the client asks for it.
for (const perMessageDeflate of [{ threshold: 0 }, false]) {
  const options = { transports: ["websocket"], perMessageDeflate, forceNew: true };
  const socket = io(url, { ...options, query: { token: "right" } });
  const text = "song ".repeat(5000);
  const echoed = await socket.emitWithAck("echo", text);
  const { ws } = socket.io.engine.transport;
  print({ extensions: ws.extensions, read: ws._socket.bytesRead, same: echoed === text });
  socket.disconnect();
}

// Refusals by allow_request.
for (const transport of ["polling", "websocket"]) {
  const socket = io(url, { transports: [transport], forceNew: true, reconnection: false });
  await new Promise((resolve) =>
    socket.on("connect_error", (error) => {
      print({ refused: error.message, status: error.context?.status, text: error.context?.responseText });
      resolve();
    }),
  );
}

// Engine.IO by itself, in both revisions: the id, the upgrade, the cookie, messages.
for (const [revision, EngineOfRevision] of [[4, Engine], [3, engine3.Socket]]) {
  const engine = new EngineOfRevision(url, { path: "/socket.io", query: { token: "right" } });
  const heard = [];
  // A client of revision 3 is in the main namespace without asking.
  engine.on("open", () => revision === 4 && engine.send("0"));
  engine.on("message", (message) => heard.push(message.slice(0, 1)));
  await new Promise((resolve) => engine.on("upgrade", resolve));
  while (heard.length === 0) await new Promise((resolve) => engine.on("message", resolve));
  print({ id: engine.id, heard, transport: engine.transport.name });
  engine.close();
}

// Answers as fetch has them.
const open = await fetch(`${url}/socket.io/?EIO=4&transport=polling&token=right`);
print({
  cookie: open.headers.get("set-cookie").replace(/=[^;]+/, "=sid"),
  first: open.headers.get("x-first"),
});
const bundle = await fetch(`${url}/socket.io/socket.io.js`);
const etag = bundle.headers.get("etag");
const again = await fetch(`${url}/socket.io/socket.io.js`, { headers: { "if-none-match": etag } });
print({
  bundle: (await bundle.text()).startsWith("/*!\n * Socket.IO v4.8.4"),
  encoding: bundle.headers.get("content-encoding"),
  type: bundle.headers.get("content-type"),
  again: again.status,
});
