// URL V2_URL: a page of another origin, with the client's bundles from both servers: CORS with
// credentials and preflight, the cookie, and JSONP with version 2.
import { createServer } from "node:http";
import { chromium } from "playwright-core";
import { endWithTest, print } from "./lines.mjs";

const [url, version2] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
});
endWithTest();

const pages = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>elsewhere</title>");
});
await new Promise((resolve) => pages.listen(0, "127.0.0.1", resolve));
const elsewhere = `http://127.0.0.1:${pages.address().port}`;
print({ origin: elsewhere });
await new Promise((resolve) => process.stdin.once("data", resolve));

/** Runs a client in a page of its own. */
async function run(origin, bundle, options) {
  const page = await (await browser.newContext()).newPage();
  const scripts = [];
  page.on("request", (request) => request.resourceType() === "script" && scripts.push(request.url()));
  const preflights = [];
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.requestWillBeSent", ({ request, type }) => {
    if (request.method === "OPTIONS" || type === "Preflight") preflights.push(request.url);
  });
  await page.goto(origin);
  await page.addScriptTag({ url: `${bundle}/socket.io/socket.io.js` });
  const outcome = await page.evaluate(
    ([bundle, options]) =>
      new Promise((resolve) => {
        const socket = io(bundle, { ...options, reconnection: false });
        socket.on("connect_error", () => resolve("refused"));
        socket.on("connect", () => socket.emit("echo", "é\n\"\\n", resolve));
      }),
    [bundle, options],
  );
  const cookies = await page.context().cookies(bundle);
  await page.context().close();
  return {
    outcome,
    cookie: cookies.map((cookie) => cookie.name),
    preflight: preflights.length > 0,
    scripts: scripts.filter((script) => script.includes("j=")).length > 0,
  };
}

const polling = { transports: ["polling"], withCredentials: true, extraHeaders: { "x-token": "1" } };
print({ cors: await run(elsewhere, url, polling) });
print({ other: await run(elsewhere.replace("127.0.0.1", "localhost"), url, polling) });
print({ websocket: await run(elsewhere, url, { transports: ["websocket"] }) });
print({
  otherWebsocket: await run(elsewhere.replace("127.0.0.1", "localhost"), url, {
    transports: ["websocket"],
  }),
});
print({ jsonp: await run(elsewhere, version2, { transports: ["polling"], forceJSONP: true }) });
print({ version2: await run(`${version2}/socket.io/socket.io.js`, version2, {}) });
await browser.close();
process.exit(0);
