// How a script and the Rust test that started it talk: JSON lines on standard output.

export function print(line) {
  process.stdout.write(JSON.stringify(line) + "\n");
}

/** Binary as `{"binary": [bytes]}`, wherever it stands. */
export function plain(value) {
  if (value instanceof ArrayBuffer) return { binary: [...new Uint8Array(value)] };
  if (ArrayBuffer.isView(value)) {
    return { binary: [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] };
  }
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

/** Ends the script when the test closes its standard input. */
export function endWithTest() {
  process.stdin.resume();
  process.stdin.on("end", () => process.exit(0));
}
