"""URL PACKAGE TRANSPORTS: the client of python-socketio, with binary and acks both ways, a namespace
with auth, and a disconnection. It prints JSON lines, as its fellows in JavaScript do."""

import json
import sys
import threading

import socketio

url, _, transports = sys.argv[1:4]
url += "?room=a%20b"
wanted = transports.split(",")
lock = threading.Lock()


def show(**line):
    with lock:
        print(json.dumps(line), flush=True)


def plain(value):
    """Binary as {"binary": [bytes]}, wherever it stands."""
    if isinstance(value, bytes):
        return {"binary": list(value)}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return value


# The auth payload is one for all namespaces of a client.
refused = socketio.Client(reconnection=False)
refused.on("connect_error", lambda error: show(refused=error["data"]), namespace="/admin")
try:
    refused.connect(url, {}, {"token": "wrong"}, wanted, namespaces=["/admin"])
except socketio.exceptions.ConnectionError:
    pass
refused.disconnect()

client = socketio.Client(reconnection=False)


@client.on("ask")
def ask(question):
    show(asked=plain(question))
    return {**question, "n": 2}


@client.on("disconnect", namespace="/admin")
def admin_disconnected(reason):
    show(adminDisconnected=reason)


client.on("disconnect", lambda reason: show(disconnected=reason))
client.connect(url, {}, {"token": "right"}, wanted, namespaces=["/", "/admin"])
show(transport=client.transport())
show(isMyId=client.call("whoami") == client.get_sid())
deep = {"text": "é\U0001f600\u2028", "deep": [b"\x00\x04\xff\x1e", {"bytes": b"\x00\x04\xff\x1e"}]}
show(echoed=plain(client.call("echo", deep)))
show(answered=plain(client.call("ask me", b"\x00\x04\xff\x1e")))
show(isMyAdminId=client.call("whoami", namespace="/admin") == client.get_sid("/admin"))
client.emit("leave me", namespace="/admin")

sys.stdin.readline()
# What it is told comes before it has forgotten the namespace.
while "/admin" in client.namespaces:
    client.sleep(0.01)
client.disconnect()
client.wait()
