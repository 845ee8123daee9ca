"""Display tiles: this server's source beside OpenSlide's DeepZoomGenerator and large_image, then over HTTP.

    PYTHONPATH=benchmarks python -m speed.tiles [--slide SLIDE] [--peer PYTHON] [--seconds 5] [--soak 60]

``--peer`` is the interpreter of an environment that holds large_image. Sources are measured in CPU-milliseconds per
tile of full resolution and of half resolution (decoded), taking turns. Over HTTP: one and sixteen clients on this
machine, each decoded tile once before any is kept, then fifty for ``--soak`` seconds, with the memory of the server.
``tiles_per_cpu_s`` is what a second of one core of the server gives, whatever else the machine does.
"""

import argparse
import asyncio
import contextlib
import io
import multiprocessing
import os
import random
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from openslide.deepzoom import DeepZoomGenerator

from icicore.addresses import mint
from icicore.slides.deepzoom import DeepZoomSource
from icicore.slides.reader import open_slide
from icicore.slides.tile_cache import TileCache
from speed.measure import child, machine, show, side_by_side
from speed.mosaic import write_mosaic

SECRET, SLIDE = "benchmark", "0" * 16
LARGE_IMAGE = """
import json, sys, time, large_image
source = large_image.open(sys.argv[1], encoding="JPEG", noCache=True)
n, best, top = int(sys.argv[2]), {}, source.levels - 1
across = -(-source.sizeX // source.tileWidth)
for level, name in ((top, "full"), (top - 1, "half")):
    cols = max(1, across >> (top - level))
    for _ in range(3):
        large_image.cache_util.cachesClear()
        source = large_image.open(sys.argv[1], encoding="JPEG", noCache=True)
        start = time.process_time()
        for i in range(n):
            source.getTile(i % cols, i // cols % cols, level)
        best[name] = min(best.get(name, 1e9), 1000 * (time.process_time() - start) / n)
print(json.dumps(best))
"""


def sources(slide: Path, *, rounds: int, n_tiles: int = 96) -> dict[str, dict[str, float]]:
    """CPU-ms per tile of full resolution and of half resolution."""
    with open_slide(slide) as reader:
        ours = DeepZoomSource(reader, cache=TileCache(0))
        theirs = DeepZoomGenerator(reader._handle, tile_size=ours.tile_size, overlap=0)
        top = theirs.level_count - 1

        def generator(level: int) -> int:
            cols = theirs.level_tiles[level][0]
            for i in range(n_tiles):
                stream = io.BytesIO()
                theirs.get_tile(level, (i % cols, i // cols % cols)).save(stream, "jpeg", quality=85)
            return n_tiles

        def source(level: int) -> int:
            cols = max(1, -(-ours.level_size(level)[0] // ours.tile_size) - 1)
            for i in range(n_tiles):
                ours.tile(level, i % cols, i // cols % cols)
            return n_tiles

        found = {}
        for name, down in (("full", 0), ("half", 1)):
            work = {
                "deepzoom_generator": lambda down=down: generator(top - down),
                "own": lambda down=down: source(ours.max_level - down),
            }
            times = side_by_side(work, rounds=rounds)
            found[name] = times | {"ratio": times["deepzoom_generator"] / times["own"]}
    return found


def _serve(slide: Path, port: int) -> None:
    import uvicorn
    from starlette.applications import Starlette

    from icicore.server import build_routes

    routes = build_routes("", find_slide=lambda _: (slide, None), results_dir=slide.parent, secret=SECRET)
    uvicorn.run(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="error", access_log=False)


@contextlib.contextmanager
def server(slide: Path):
    """A tile server in a process of its own; yields its port and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(slide, port), daemon=True)
    process.start()
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.join(20)


async def _client(port: int, addresses: Iterator[str], until: float, times: list[float], errors: list[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for address in addresses:
        if time.perf_counter() >= until:
            break
        start = time.perf_counter()
        writer.write(f"GET {address} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.lower().split("\r\n") if "content-length" in line)
        await reader.readexactly(length)
        times.append(time.perf_counter() - start)
        if " 200 " not in head[:16]:
            errors.append(head[:16])
    writer.close()


def _endless(addresses: list[str]) -> Iterator[str]:
    while True:
        yield random.choice(addresses)


async def load(
    port: int, addresses: list[str], *, clients: int, seconds: float, once: bool = False
) -> dict[str, float]:
    """Tiles per second and latencies of some clients that ask one tile after the other.

    ``once``: every address is asked for once, by whichever client is free; else they are drawn.
    """
    times: list[float] = []
    errors: list[str] = []
    shared = iter(random.sample(addresses, len(addresses))) if once else _endless(addresses)
    start = time.perf_counter()
    until = start + seconds
    await asyncio.gather(*(_client(port, shared, until, times, errors) for _ in range(int(clients))))
    times.sort()
    return {
        "clients": clients,
        "tiles": len(times),
        "tiles_per_s": round(len(times) / (time.perf_counter() - start)),
        "p50_ms": round(1000 * times[len(times) // 2], 2),
        "p95_ms": round(1000 * times[int(len(times) * 0.95)], 2),
        "errors": len(errors),
    }


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1e3 for line in lines if line.startswith("VmRSS")), float("nan"))


def _addresses(source: DeepZoomSource, level: int, token: str) -> list[str]:
    cols, rows = (side // source.tile_size for side in source.level_size(level))
    path = f"/icicore/tiles/{SLIDE}/{level}"
    return [f"{path}/{col}_{row}.jpg?t={token}" for col in range(cols) for row in range(rows)]


def _cpu_s(pid: int) -> float:
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(used[11]) + int(used[12])) / os.sysconf("SC_CLK_TCK")


def _measured(pid: int, port: int, addresses: list[str], **how: float) -> dict[str, float]:
    """As `load`, with what a tile costs the server: that does not depend on what else the machine does."""
    before = _cpu_s(pid)
    found = asyncio.run(load(port, addresses, **how))
    cost = 1000 * (_cpu_s(pid) - before) / max(1, found["tiles"])
    return found | {"server_cpu_ms": round(cost, 3), "tiles_per_cpu_s": round(1000 / max(cost, 1e-3))}


def soak(port: int, pid: int, slide: Path, *, seconds: float, warm_up: float) -> dict[str, object]:
    """Fifty clients on all levels; memory of the server after the warm-up and at the end."""
    stored, decoded = _stored_and_decoded(slide)
    asyncio.run(load(port, stored + decoded, clients=50, seconds=warm_up))
    before = _resident_mb(pid)
    busy = asyncio.run(load(port, stored + decoded, clients=50, seconds=seconds))
    return busy | {"memory_mb": [round(before), round(_resident_mb(pid))]}


def _stored_and_decoded(slide: Path) -> tuple[list[str], list[str]]:
    token = mint(SECRET, SLIDE, "benchmark", now=time.time())
    with open_slide(slide) as reader:
        source = DeepZoomSource(reader)
        levels = [level for level in range(source.max_level - 5, source.max_level) if level not in source.direct_levels]
        return (
            _addresses(source, source.max_level, token),
            [address for level in levels for address in _addresses(source, level, token)],
        )


def over_http(slide: Path, *, seconds: float, soak_s: float) -> dict[str, object]:
    """Latency, rate and memory of a server on this machine; the clients share its cores."""
    stored, decoded = _stored_and_decoded(slide)
    found: dict[str, object] = {}
    with server(slide) as (port, pid):
        # Each tile once, before any is kept: what is left is decoding.
        found["decoded"] = [_measured(pid, port, decoded, clients=16, seconds=10 * seconds, once=True)]
        for name, addresses in (("pass_through", stored), ("kept", decoded)):
            found[name] = [_measured(pid, port, addresses, clients=n, seconds=seconds) for n in (1, 16)]
        if soak_s:
            found["soak"] = soak(port, pid, slide, seconds=soak_s, warm_up=min(20, soak_s))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, help="default: a painted one")
    parser.add_argument("--peer", default="", help="interpreter of an environment with large_image")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--soak", type=float, default=0.0)
    args = parser.parse_args()
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    with tempfile.TemporaryDirectory() as folder:
        slide = args.slide or write_mosaic(Path(folder) / "mosaic.tif", tiles_across=32)
        found: dict[str, object] = {"machine": machine(), "sources_ms": sources(slide, rounds=args.rounds)}
        if args.peer:
            found["large_image_ms"] = child([args.peer, "-c", LARGE_IMAGE, str(slide), "96"])
        show(found | {"http": over_http(slide, seconds=args.seconds, soak_s=args.soak)})


if __name__ == "__main__":
    main()
