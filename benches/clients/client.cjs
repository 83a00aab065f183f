// URL: the JavaScript clients, told what to do as the others are. Started in the folder of their
// packages.
const { createInterface } = require("node:readline");
const { createRequire } = require("node:module");
const { io } = createRequire(process.cwd() + "/")("socket.io-client");

const [url] = process.argv.slice(2);
const AT_ONCE = 50;
const TEXT = "Songs of the pine So";
const clients = [];
let received = 0;
let wanted = 0;
let all = () => {};

async function connect() {
  const socket = io(url, { transports: ["websocket"], forceNew: true });
  socket.on("all", () => ++received === wanted && all());
  await new Promise((resolve) => socket.on("connect", resolve));
  clients.push(socket);
}

const tasks = {
  async connect(count) {
    const one = async () => {
      while (count-- > 0) await connect();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
  },
  async ack(count) {
    const ask = async (socket) => {
      for (let number = 0; number < count; number++) {
        if ((await socket.emitWithAck("echo", TEXT)) !== TEXT) throw new Error("another answer");
      }
    };
    await Promise.all(clients.map(ask));
  },
  async receive(count) {
    for (let number = 0; number < count; number++) {
      wanted += clients.length;
      const received = new Promise((resolve) => (all = resolve));
      clients[0].emit("all", TEXT);
      await received;
    }
  },
};

(async () => {
  for await (const line of createInterface({ input: process.stdin })) {
    const [what, count] = line.split(" ");
    await tasks[what](Number(count));
    console.log("done");
  }
})();
