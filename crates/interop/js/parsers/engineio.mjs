// Reads lines of cases. Of each it tells what engine.io-parser (version 5 for protocol revision 4,
// version 2 for revision 3) decodes from what Songi encoded, and what it encodes itself.
import { createInterface } from "node:readline";
import * as v4 from "engine.io-parser";
import v3 from "engine.io-parser-v3";
import { print } from "../lines.mjs";

const MAX_PAYLOAD = 1_000_000;

/** `{text}` or `{base64}`, to a string or a Buffer and back. */
const fromWire = ({ text, base64 }) => text ?? Buffer.from(base64, "base64");
const toWire = (data) =>
  typeof data === "string" ? { text: data } : { base64: Buffer.from(data).toString("base64") };

const fromPacket = ({ type, data }) => ({ type, data: data && fromWire(data) });
const toPacket = ({ type, data }) => ({ type, data: toWire(data ?? "") });

/** What calls back at once, as a value. */
function result(call) {
  let results = [];
  call((value) => results.push(value));
  return results;
}

async function through(stream, chunks) {
  const writer = stream.writable.getWriter();
  const written = (async () => {
    for (const chunk of chunks) await writer.write(chunk);
    await writer.close();
  })();
  const results = [];
  for await (const value of stream.readable) results.push(value);
  await written;
  return results;
}

const forms = {
  v4Frames: {
    decode: (wires) => wires.map((wire) => v4.decodePacket(wire, "nodebuffer")),
    encode: (packets) => packets.flatMap((packet) => result((done) => v4.encodePacket(packet, true, done))),
  },
  v4Base64Frames: {
    decode: (wires) => wires.map((wire) => v4.decodePacket(wire, "nodebuffer")),
    encode: (packets) => packets.flatMap((packet) => result((done) => v4.encodePacket(packet, false, done))),
  },
  v4Payload: {
    decode: ([wire]) => v4.decodePayload(wire, "nodebuffer"),
    encode: (packets) => result((done) => v4.encodePayload(packets, done)),
  },
  v3Frames: {
    decode: (wires) => wires.map((wire) => v3.decodePacket(wire)),
    encode: (packets) => packets.flatMap((packet) => result((done) => v3.encodePacket(packet, true, done))),
  },
  v3Base64Frames: {
    decode: (wires) => wires.map((wire) => v3.decodePacket(wire)),
    encode: (packets) => packets.flatMap((packet) => result((done) => v3.encodePacket(packet, false, done))),
  },
  v3TextPayload: {
    decode: ([wire]) => result((done) => v3.decodePayload(wire, (packet) => done(packet))),
    encode: (packets) => result((done) => v3.encodePayload(packets, false, done)),
  },
  v3BinaryPayload: {
    decode: ([wire]) => result((done) => v3.decodePayloadAsBinary(wire, (packet) => done(packet))),
    encode: (packets) => result((done) => v3.encodePayloadAsBinary(packets, done)),
  },
  webTransport: {
    decode: (wires) => through(v4.createPacketDecoderStream(MAX_PAYLOAD, "nodebuffer"), wires),
    encode: async (packets) => [Buffer.concat(await through(v4.createPacketEncoderStream(), packets))],
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const cases = [];
  for (const { packets, wires } of JSON.parse(line)) {
    const answer = {};
    for (const [form, wire] of Object.entries(wires)) {
      const decoded = await forms[form].decode(wire.map(fromWire));
      const encoded = await forms[form].encode(packets.map(fromPacket));
      answer[form] = { decoded: decoded.map(toPacket), encoded: encoded.map(toWire) };
    }
    cases.push(answer);
  }
  print({ cases });
}
