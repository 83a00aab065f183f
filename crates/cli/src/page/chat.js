// The chat page. Whatever comes from the server is put into the page as text, never as HTML.
"use strict";

const element = (id) => document.getElementById(id);
const [status, log, typingLine] = [element("status"), element("log"), element("typing")];
const [joinForm, sayForm] = [element("join"), element("say")];
const [nameInput, roomInput, textInput] = [element("name"), element("room"), element("text")];

/** Lines that the log keeps. */
const LOG_LIMIT = 500;
/** How long the server may take to answer, in milliseconds. */
const PATIENCE = 10_000;
/** Somebody who has not typed for so long has stopped, in milliseconds. */
const TYPING_ENDS = 4_000;

const query = new URLSearchParams(location.search);
const transports = ["polling", "websocket"].filter((name) => name === query.get("transport"));

/** The room that the user is in or wants to be in: `{ name, room, joined, version }`. */
let membership = null;

if (typeof io === "undefined") {
  status.textContent = "The Socket.IO client could not be loaded";
  throw new Error(status.textContent);
}
const socket = io({
  path: document.body.dataset.path,
  ...(transports.length > 0 && { transports }),
});

// The connection

function showTransport(name) {
  const titles = { polling: "long-polling", websocket: "WebSocket" };
  status.dataset.transport = name in titles ? name : "none";
  status.textContent = titles[name] ?? name;
}

socket.on("connect", () => {
  const { engine } = socket.io;
  showTransport(engine.transport.name);
  engine.on("upgrade", (transport) => showTransport(transport.name));
  joinForm.querySelector("button").disabled = false;
  // After a loss of the connection the server knows nothing of the room.
  if (membership) join();
});

socket.on("disconnect", () => {
  showTransport("Connecting …");
  joinForm.querySelector("button").disabled = true;
  if (membership?.joined) {
    membership.joined = false;
    notice("The connection was lost.");
  }
  refreshSend();
});

socket.on("connect_error", () => showTransport("No connection; trying again …"));

// Joining and leaving

joinForm.addEventListener("submit", (event) => {
  event.preventDefault();
  if (membership) return;
  const [name, room] = [oneLine(nameInput.value), oneLine(roomInput.value)];
  membership = { name, room, joined: false, version: 0 };
  log.replaceChildren();
  atEnd = true;
  join();
});

function join() {
  const wanted = membership;
  wanted.version = 0;
  socket.timeout(PATIENCE).emit("join", wanted.name, wanted.room, (failed, answer) => {
    // The user has left, or the connection was lost and this is tried again.
    if (membership !== wanted || !socket.connected) return;
    if (failed || answer.error) {
      leave(failed ? "The server did not answer." : sentence(answer.error));
      return;
    }
    Object.assign(wanted, { name: answer.name, room: answer.room, joined: true });
    enter();
    showMembers(answer);
    notice("You are in the room, as ", answer.name, ".");
  });
}

function enter() {
  element("entrance").hidden = true;
  element("chat").hidden = false;
  element("refusal").textContent = "";
  element("room-name").textContent = membership.room;
  document.title = `${membership.room} – Songi chat`;
  query.set("room", membership.room);
  history.replaceState(null, "", `?${query}`);
  refreshSend();
  textInput.focus();
}

function leave(refusal) {
  membership = null;
  if (socket.connected) socket.emit("leave");
  element("chat").hidden = true;
  element("entrance").hidden = false;
  element("room-name").textContent = "";
  element("refusal").textContent = refusal;
  document.title = "Songi chat";
  for (const name of [...typers.keys()]) setTyping(name, false);
  nameInput.focus();
}

element("leave").addEventListener("click", () => leave(""));

socket.on("presence", (presence, change) => {
  if (presence.room !== membership?.room) return;
  showMembers(presence);
  if (change.joined) notice("", change.joined, " joined.");
  if (change.left) {
    setTyping(change.left, false);
    notice("", change.left, " left.");
  }
});

function showMembers({ version, members }) {
  // Lists may overtake each other: the newest one is right.
  if (version <= membership.version) return;
  membership.version = version;
  element("count").textContent = `(${members.length})`;
  element("members").replaceChildren(
    ...members.map((name) => {
      const item = document.createElement("li");
      item.append(named(name), name === membership.name ? " (you)" : "");
      return item;
    }),
  );
}

// Messages

sayForm.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = textInput.value.trim();
  if (text === "" || !membership?.joined) return;
  textInput.value = "";
  stopTyping();
  refreshSend();

  const item = message(membership.name, text);
  item.classList.add("own", "pending");
  socket.timeout(PATIENCE).emit("say", text, (failed, answer) => {
    item.classList.remove("pending");
    if (!failed && !answer.error) return;
    item.classList.add("failed");
    notice(failed ? "The message may not have arrived." : sentence(answer.error));
  });
});

socket.on("said", (name, text) => {
  if (!membership?.joined) return;
  setTyping(name, false);
  message(name, text);
});

function refreshSend() {
  sayForm.querySelector("button").disabled = !membership?.joined || textInput.value.trim() === "";
}

function message(name, text) {
  const from = document.createElement("div");
  from.className = "from";
  const time = document.createElement("time");
  const now = new Date();
  time.dateTime = now.toISOString();
  time.textContent = now.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  from.append(named(name), time);

  const body = document.createElement("p");
  body.className = "text";
  body.dir = "auto";
  body.textContent = text;
  return append("message", from, body);
}

/** A line about what happened; `name` stands in the middle. */
function notice(before, name, after) {
  append("notice", before, ...(name === undefined ? [] : [named(name), after]));
}

function append(kind, ...content) {
  const item = document.createElement("li");
  item.className = kind;
  item.append(...content);
  log.append(item);
  while (log.childElementCount > LOG_LIMIT) log.firstElementChild.remove();
  followEnd();
  return item;
}

/** Whether the newest line is in view: then it stays so, also when a keyboard comes up. */
let atEnd = true;
log.addEventListener("scroll", () => {
  atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
});
new ResizeObserver(followEnd).observe(log);

function followEnd() {
  if (atEnd) log.scrollTop = log.scrollHeight;
}

/** A name in its colour, which cannot change the direction of the text around it. */
function named(name) {
  const part = document.createElement("bdi");
  part.className = "named";
  part.textContent = name;
  let hue = 0;
  for (const character of name) hue = (hue * 31 + character.codePointAt(0)) % 360;
  part.style.setProperty("--hue", hue);
  return part;
}

/** As the server reads a name, so that its lists are known for those of the room. */
function oneLine(text) {
  return text.trim().replace(/\s+/gu, " ");
}

function sentence(text) {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

// Typing

/** Who is typing, with the timer that ends it. */
const typers = new Map();
let typing = null;

textInput.addEventListener("input", () => {
  refreshSend();
  if (!membership?.joined) return;
  if (textInput.value === "") return stopTyping();
  const now = Date.now();
  // Said again from time to time, as others forget it.
  if (typing === null || now - typing.said > TYPING_ENDS / 2) {
    socket.volatile.emit("typing", true);
    clearTimeout(typing?.timer);
    typing = { said: now };
  }
  clearTimeout(typing.timer);
  typing.timer = setTimeout(stopTyping, TYPING_ENDS);
});

function stopTyping() {
  if (typing === null) return;
  clearTimeout(typing.timer);
  typing = null;
  socket.volatile.emit("typing", false);
}

socket.on("typing", (name, isTyping) => {
  if (membership?.joined) setTyping(name, isTyping);
});

function setTyping(name, isTyping) {
  clearTimeout(typers.get(name));
  typers.delete(name);
  if (isTyping) typers.set(name, setTimeout(() => setTyping(name, false), TYPING_ENDS));

  const names = [...typers.keys()].slice(0, 3);
  const others = typers.size > names.length ? ["others"] : [];
  const verb = typers.size === 1 ? "is" : "are";
  const list = new Intl.ListFormat("en").format([...names, ...others]);
  typingLine.textContent = typers.size === 0 ? "" : `${list} ${verb} typing …`;
}

// What the last visit and the address say

roomInput.value = query.get("room")?.slice(0, 32) || roomInput.value;
nameInput.focus();
