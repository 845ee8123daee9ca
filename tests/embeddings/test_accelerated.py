"""The path of an accelerator, run on the CPU in its place: same embeddings, few lanes, and what bounds the work."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from icicore.embeddings import encoder as encoder_module
from icicore.embeddings.accelerated import BATCH, LANES, AcceleratedEngine
from icicore.embeddings.devices import CudaDevice, HostDevice, device_of
from icicore.embeddings.embed import encode_in_batches
from icicore.embeddings.timing import NETWORK, READ, Breakdown, Timing
from icicore.slides.stain import StainFit
from tests.fake_backbones import fake_encoder

STAIN = StainFit((0.9, 0.1, 0.0, 0.05, 1.1, -0.02, 0.0, 0.1, 0.8), "macenko")


class Watched(HostDevice):
    """Counts what is recorded and how many lanes are in use at once."""

    def __init__(self) -> None:
        super().__init__()
        self.recordings, self.busy, self.most = 0, 0, 0
        self.lock = threading.Lock()

    def lane(self):
        device = self

        class Lane:
            def __enter__(self):
                with device.lock:
                    device.busy += 1
                    device.most = max(device.most, device.busy)

            def __exit__(self, *error):
                with device.lock:
                    device.busy -= 1

        return Lane()

    def recorded(self, work):
        self.recordings += 1
        return super().recorded(work)


@pytest.fixture
def tiles():
    return np.random.default_rng(0).integers(0, 256, (11, 64, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize("stain", [None, StainFit(), STAIN], ids=["as it is", "identity", "macenko"])
@pytest.mark.parametrize("batch", [4, BATCH])
def test_embeddings_are_those_of_the_cpu(tiles, stain, batch):
    encoder = fake_encoder(input_px=64)
    truth = encode_in_batches(encoder, tiles, stain)
    found, maps = AcceleratedEngine(encoder, HostDevice(), batch=batch).encode(tiles, stain, maps=True)
    assert found.shape == truth.shape and found.dtype == np.float32
    # The logarithm of the colours is computed and not looked up, so a pixel may be rounded to the other side.
    assert np.abs(found - truth).max() <= 1e-3 * np.abs(truth).max()
    assert maps.shape == (11, 16, 8, 8) and np.allclose(maps.astype(np.float32).mean((2, 3)), found, atol=2e-3)


def test_what_a_batch_held_before_does_not_leak_into_the_next(tiles):
    encoder = fake_encoder(input_px=64)
    engine = AcceleratedEngine(encoder, HostDevice(), batch=8)
    first, none = engine.encode(tiles[:3], STAIN)
    engine.encode(tiles, None)
    again, _ = engine.encode(tiles[:3], STAIN)
    assert none is None and np.array_equal(first, again) and len(again) == 3


def test_no_tiles_give_no_embeddings():
    found, maps = AcceleratedEngine(fake_encoder(), HostDevice()).encode(np.zeros((0, 256, 256, 3), np.uint8), None)
    assert found.shape == (0, 16) and maps is None


def test_workers_share_few_lanes_and_record_once_each(tiles):
    device = Watched()
    encoder = fake_encoder(input_px=64)
    engine = AcceleratedEngine(encoder, device, batch=4)
    truth, _ = AcceleratedEngine(encoder, HostDevice(), batch=4).encode(tiles, STAIN)
    with ThreadPoolExecutor(6, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        found = list(pool.map(lambda _: engine.encode(tiles, STAIN)[0], range(12)))
    assert all(np.array_equal(one, truth) for one in found)
    assert device.most <= LANES and device.recordings <= 2 * LANES


def test_the_switch_of_the_device_chooses_the_path(tiles, monkeypatch):
    assert device_of("cpu") is None and isinstance(device_of("cuda:0"), CudaDevice)
    plain, encoder = fake_encoder(input_px=64), fake_encoder(input_px=64)
    monkeypatch.setattr(encoder_module, "device_of", lambda name: HostDevice())
    engine = encoder.accelerated()
    assert engine is not None and encoder.accelerated() is engine
    found = encode_in_batches(encoder, tiles, STAIN)
    monkeypatch.undo()
    assert plain.accelerated() is None
    assert np.abs(found - encode_in_batches(plain, tiles, STAIN)).max() < 1e-2


def test_bf16_runs_in_reduced_precision(tiles):
    exact, half = fake_encoder(input_px=64), fake_encoder(input_px=64, precision="bf16")
    truth, _ = AcceleratedEngine(exact, HostDevice()).encode(tiles, None)
    found, _ = AcceleratedEngine(half, HostDevice()).encode(tiles, None)
    assert 0 < np.abs(found - truth).max() <= 0.05 * np.abs(truth).max()


def test_fp32_is_never_rounded_to_fewer_bits_while_recorded(tiles):
    seen = []

    class Looks(HostDevice):
        def recorded(self, work):
            seen.append(torch.backends.cudnn.allow_tf32)
            return super().recorded(work)

    before = torch.backends.cudnn.allow_tf32
    AcceleratedEngine(fake_encoder(input_px=64), Looks()).encode(tiles, None)
    assert seen == [False, False] and torch.backends.cudnn.allow_tf32 == before


def breakdown(read_s: float, network_s: float, *, accelerated: bool) -> Breakdown:
    return Breakdown(100, 10.0, 8, read_s, network_s, 0.0, accelerated)


def test_the_breakdown_says_what_bounds_the_work():
    assert breakdown(72.0, 3.0, accelerated=True).bound_by == "decode"
    assert breakdown(16.0, 9.0, accelerated=True).bound_by == "network"
    assert breakdown(10.0, 60.0, accelerated=False).bound_by == "network"
    line = str(breakdown(72.0, 3.0, accelerated=True))
    assert "bounded by decode" in line and "reading 720.0 ms" in line and "waiting" in line
    assert "waiting" not in str(breakdown(10.0, 60.0, accelerated=False))


def test_time_is_added_up_over_threads():
    timing = Timing()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: (timing.add(READ, 0.5), timing.add(NETWORK, 0.25), timing.count(2)), range(40)))
    found = timing.breakdown(workers=4, accelerated=False)
    assert (found.read_s, found.network_s, found.tiles) == (20.0, 10.0, 80)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_gpu_gives_the_embeddings_of_the_cpu(tiles, precision):
    import dataclasses

    plain = fake_encoder(input_px=64)
    moved = dataclasses.replace(plain, module=fake_encoder(input_px=64).module.cuda(), device="cuda:0")
    moved = dataclasses.replace(moved, precision=precision)
    truth, found = encode_in_batches(plain, tiles, STAIN), encode_in_batches(moved, tiles, STAIN)
    limit = 1e-3 if precision == "fp32" else 0.05
    assert np.abs(found - truth).max() <= limit * np.abs(truth).max()
