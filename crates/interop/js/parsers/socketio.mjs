// PARSER: packets of Rust through npm's `json` (socket.io-parser) or `msgpack`
// (socket.io-msgpack-parser), and packets of JavaScript back.
//
// A line of standard input is a packet {type, namespace, id, data, messages}: the messages as the
// Rust encoder wrote them, text as it is and binary as {binary: [bytes]}, as inside `data`. The answer is what JavaScript decodes from the messages, and the
// messages that it writes for the same packet.
import { createInterface } from "node:readline";
import * as json from "socket.io-parser";
import msgpack from "socket.io-msgpack-parser";
import { plain, print } from "../lines.mjs";

const parser = process.argv[2] === "msgpack" ? msgpack : json;

/** The inverse of `plain`. */
function fromLine(value) {
  if (Array.isArray(value)) return value.map(fromLine);
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value.binary)) return Buffer.from(value.binary);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromLine(inner)]));
}

function decode(messages) {
  const decoder = new parser.Decoder();
  let packet;
  decoder.on("decoded", (decoded) => (packet = decoded));
  for (const message of messages) decoder.add(fromLine(message));
  const { type, nsp, id, data } = packet;
  // The binary types are an event and an ack once they have their attachments.
  return { type: type > 4 ? type - 3 : type, namespace: nsp, id, data: plain(data) };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { type, namespace, id, data, messages } = JSON.parse(line);
  // In the order in which Rust writes the keys, so that the bytes can be compared.
  const packet = { type };
  if (data !== null) packet.data = fromLine(data);
  packet.nsp = namespace;
  if (id !== null) packet.id = id;
  try {
    print({ decoded: decode(messages), encoded: new parser.Encoder().encode(packet).map(plain) });
  } catch (error) {
    print({ failed: error.message });
  }
}
