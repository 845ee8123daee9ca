"""Put on the path of a process under test: writes down every foreign address that Python asks for, and refuses it.

The audit hooks of the interpreter see what any library does, also in processes that the first one starts.
"""

import os
import sys

_LOG = os.environ.get("ICICORE_TEST_ADDRESSES", "")
_EVENTS = {"socket.connect": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0, "socket.sendto": 1}


def _watch(event: str, arguments: tuple) -> None:
    place = _EVENTS.get(event)
    if place is None:
        return
    address = arguments[place]
    host = address[0] if isinstance(address, tuple) else address
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host or "")
    if name in ("localhost", "::1", "") or name.startswith(("127.", "/", "\0")):
        return
    line = f"{event} {host!r}\n".encode()
    handle = os.open(_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(handle, line)
    os.close(handle)
    raise ConnectionRefusedError(f"{name} is not this machine")  # before anything has left


if _LOG:
    sys.addaudithook(_watch)
