// URL PACKAGE TRANSPORTS: a client of any version of socket.io, with binary and acks both ways,
// a namespace with auth, and a disconnection.
import { endWithTest, plain, print } from "./lines.mjs";

const [url, name, transports] = process.argv.slice(2);
const module = await import(name);
const io = module.io ?? module.default;
const isVersion2 = name.endsWith("-2");
const wanted = transports.split(",");
const options = { transports: wanted, reconnection: false, forceNew: true, query: { room: "a b" } };

/** Version 2 has no auth: the query of the namespace takes its place. */
function admin(token) {
  return isVersion2
    ? io(`${url}/admin?token=${token}`, options)
    : io(`${url}/admin`, { ...options, auth: { token } });
}

endWithTest();
const socket = io(url, options);
socket.on("connect_error", (error) => print({ failed: error.message }));
socket.on("ask", (question, answer) => {
  print({ asked: plain(question) });
  answer({ ...question, n: 2 });
});
socket.on("disconnect", (reason) => print({ disconnected: reason }));
socket.on("connect", () => {
  const { engine } = socket.io;
  const last = wanted.at(-1);
  if (engine.transport.name === last) print({ transport: last });
  engine.on("upgrade", (transport) => print({ transport: transport.name }));
  socket.emit("whoami", (id) => print({ isMyId: id === socket.id }));
  const bytes = Buffer.from([0, 4, 255, 30]);
  socket.emit("echo", { text: "é\u{1f600}\u2028", deep: [bytes, { bytes }] }, (value) => {
    print({ echoed: plain(value) });
    socket.emit("ask me", bytes, (answer) => print({ answered: plain(answer) }));
  });
});

const refused = admin("wrong");
refused.on(isVersion2 ? "error" : "connect_error", (error) =>
  print({ refused: isVersion2 ? error : error.data }),
);
const joined = admin("right");
joined.on("connect", () => {
  joined.emit("whoami", (id) => {
    print({ isMyAdminId: id === joined.id });
    joined.emit("leave me");
  });
});
joined.on("disconnect", (reason) => print({ adminDisconnected: reason }));

process.stdin.once("data", () => socket.disconnect());
