// URL: two pages of the chat in one real browser. Mina's is restricted to long-polling, Jun's moves
// up to WebSocket. They chat in one room, and Ari's in another room must hear nothing of it. Prints
// what the pages show; with SCREENSHOTS, a folder, it also draws them.
import { chromium } from "playwright-core";
import { endWithTest, print } from "./lines.mjs";

const [url] = process.argv.slice(2);
const MARKUP = '<img src=x onerror="window.attacked=1"><b>bold</b>';
const BURST = 20;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
  ],
});
endWithTest();

/** Opens the page, notes what goes wrong on it and what it asks for, and joins a room. */
async function enter(address, name, room) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const errors = [];
  const sockets = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (line) => line.type() === "error" && errors.push(line.text()));
  page.on("websocket", (socket) => sockets.push(socket.url()));
  await page.goto(address);
  await page.fill("#name", name);
  await page.fill("#room", room);
  await page.click("#join button:enabled");
  await page.waitForSelector("#chat:not([hidden])");
  return { page, errors, sockets };
}

const say = async ({ page }, text) => {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
};
const texts = ({ page }) => page.locator("#log .text").allTextContents();
const notices = ({ page }) => page.locator("#log .notice").allTextContents();
const members = ({ page }) => page.locator("#members .named").allTextContents();
const heard = ({ page }, text) => page.locator("#log .message:not(.pending) .text", { hasText: text }).first().waitFor();
const transport = ({ page }) => page.getAttribute("#status", "data-transport");

try {
  const mina = await enter(`${url}/?transport=polling`, "Mina", "tea");
  const jun = await enter(url, "Jun", "tea");
  const ari = await enter(url, "Ari", "den");
  await jun.page.waitForSelector('#status[data-transport="websocket"]');
  await mina.page.locator("#members .named", { hasText: "Jun" }).waitFor();
  print({ members: await members(mina), others: await members(ari) });

  await jun.page.locator("#text").pressSequentially("Hel");
  await mina.page.locator("#typing", { hasText: "Jun is typing" }).waitFor();
  await jun.page.fill("#text", "");

  for (let i = 1; i <= BURST; i++) await say(mina, `polling ${i}.`);
  await heard(jun, `polling ${BURST}.`);
  for (let i = 1; i <= BURST; i++) await say(jun, `websocket ${i}.`);
  await heard(mina, `websocket ${BURST}.`);
  await say(mina, MARKUP);
  await heard(jun, MARKUP);
  await heard(mina, MARKUP);

  // Whoever was to hear something in the other room by mistake has heard it by now.
  await say(ari, "alone");
  await heard(ari, "alone");
  if (process.env.SCREENSHOTS) {
    await jun.page.screenshot({ path: `${process.env.SCREENSHOTS}/wide.png` });
    await mina.page.setViewportSize({ width: 390, height: 780 });
    await mina.page.screenshot({ path: `${process.env.SCREENSHOTS}/narrow.png` });
  }

  const junsTransport = await transport(jun);
  await jun.page.click("#leave");
  await mina.page.locator("#log .notice", { hasText: "Jun left" }).waitFor();
  print({
    mina: {
      transport: await transport(mina),
      websockets: mina.sockets.length,
      texts: await texts(mina),
      notices: await notices(mina),
      members: await members(mina),
    },
    jun: {
      transport: junsTransport,
      websockets: jun.sockets.length,
      texts: await texts(jun),
      attacked: await jun.page.evaluate(() => window.attacked ?? 0),
      elements: await jun.page.locator("#log img, #log b").count(),
    },
    ari: { texts: await texts(ari) },
    errors: [...mina.errors, ...jun.errors, ...ari.errors],
  });
} catch (error) {
  print({ failed: error.message });
} finally {
  await browser.close();
}
