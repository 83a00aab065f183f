"""The server of python-socketio for the Rust client, which asks by events for what it is to see. It
prints JSON lines, as its fellow in JavaScript does."""

import asyncio
import json
import os
import socket
import sys
import threading

import socketio
import uvicorn

io = socketio.AsyncServer(async_mode="asgi", ping_interval=0.3, ping_timeout=5)


def show(**line):
    print(json.dumps(line), flush=True)


def plain(value):
    """Binary as {"binary": [bytes]}, wherever it stands."""
    if isinstance(value, bytes):
        return {"binary": list(value)}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value


@io.event
async def connect(sid, environ):
    show(query=environ["QUERY_STRING"], header=environ.get("HTTP_X_TEST"))


@io.event
async def disconnect(sid, reason):
    show(disconnected=reason)


@io.on("add")
async def add(sid, a, b):
    return a + b


@io.on("echo")
async def echo(sid, *values):
    return values


@io.on("transport")
async def transport(sid):
    return io.transport(sid)


@io.on("silent")
async def silent(sid):
    # Longer than anybody waits: it has no way to give no answer.
    await asyncio.sleep(3600)


@io.on("ask me")
async def ask_me(sid):
    total = await io.call("add", (1, 2), to=sid)
    echoed = await io.call("echo", {"deep": [b"\x09\x08"]}, to=sid)
    text, binary = await io.call("several", to=sid)
    failed = await io.call("add", "x", to=sid)
    try:
        await io.call("silent", to=sid, timeout=0.05)
        timeout = "answered"
    except socketio.exceptions.TimeoutError:
        timeout = "timeout"
    return plain(
        {"sum": total, "echoed": echoed, "text": text, "bytes": binary, "failed": failed, "timeout": timeout}
    )


@io.on("numbers")
async def numbers(sid, count):
    for number in range(count):
        await io.emit("number", (number, bytes([number % 256])), to=sid)


@io.on("leave me")
async def leave_me(sid):
    await io.disconnect(sid)


@io.on("connect", namespace="/admin")
async def admin_connect(sid, environ, auth):
    if auth != {"token": "right"}:
        raise socketio.exceptions.ConnectionRefusedError("not authorized", {"code": 7})
    io.start_background_task(welcome, sid, auth)


async def welcome(sid, auth):
    await io.emit("welcome", (auth, sid), to=sid, namespace="/admin")


@io.on("disconnect", namespace="/admin")
async def admin_disconnect(sid, reason):
    show(adminDisconnected=reason)


@io.on("leave me", namespace="/admin")
async def admin_leave_me(sid):
    await io.disconnect(sid, namespace="/admin")


def end_with_test():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_test, daemon=True).start()
listener = socket.create_server(("127.0.0.1", 0))
show(port=listener.getsockname()[1])
config = uvicorn.Config(socketio.ASGIApp(io), ws="wsproto", log_level="error")
asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))
