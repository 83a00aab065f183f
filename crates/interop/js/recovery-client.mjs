// URL PARSER: comes back again and again; says what it gets and whether it has recovered.
import { io } from "socket.io-client";
import * as msgpack from "socket.io-msgpack-parser";
import { endWithTest, print } from "./lines.mjs";

const [url, parser] = process.argv.slice(2);
const options = { transports: ["websocket"], reconnectionDelay: 10, reconnectionDelayMax: 10 };
if (parser === "msgpack") options.parser = msgpack;

endWithTest();
const socket = io(url, options);
socket.on("n", (n) => print({ n }));
socket.on("connect", () => print({ recovered: socket.recovered, id: socket.id }));
