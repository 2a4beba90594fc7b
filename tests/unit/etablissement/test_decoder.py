"""Whatever a file does to the process that decodes it, the service goes on."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.client import eventually
from services.etablissement.domain.images import Refusal, RefusedImageError
from services.etablissement.imaging import decoder
from services.etablissement.imaging.decoder import DecoderUnavailableError, decoded
from tests.support.pictures import bomb, drawn, encoded, opened, picture

Instead = Callable[[str], None]


@pytest.fixture
def instead(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Instead:
    """Has the process do something else than to decode."""

    def replace(code: str) -> None:
        (tmp_path / "stand_in.py").write_text(code)
        monkeypatch.setattr(decoder, "_ROOT", tmp_path)
        monkeypatch.setattr(decoder, "_CHILD", "stand_in")

    return replace


LIMITED = """
import resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
"""


@pytest.mark.parametrize(
    ("code", "refusal"),
    [
        ("resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass", Refusal.TOO_HEAVY),
        ("signal.raise_signal(signal.SIGKILL)", Refusal.TOO_HEAVY),
        ("signal.raise_signal(signal.SIGSEGV)", Refusal.DAMAGED),
        ("signal.raise_signal(signal.SIGABRT)", Refusal.DAMAGED),
    ],
)
async def test_a_file_that_kills_the_process_is_refused(
    instead: Instead, code: str, refusal: Refusal
) -> None:
    instead(LIMITED + code)
    with pytest.raises(RefusedImageError) as refused:
        await decoded(picture() * 10_000)
    assert refused.value.refusal is refusal


async def test_a_process_that_hangs_is_killed(
    instead: Instead, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pid = tmp_path / "pid"
    instead(f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    monkeypatch.setattr(decoder, "PATIENCE_SECONDS", 2)
    with pytest.raises(RefusedImageError) as refused:
        await decoded(picture())
    assert refused.value.refusal is Refusal.TOO_HEAVY
    assert not Path(f"/proc/{pid.read_text()}").exists()


async def test_a_process_that_does_not_start_is_no_fault_of_the_file(instead: Instead) -> None:
    instead("import nothing_of_this_name")
    with pytest.raises(DecoderUnavailableError):
        await decoded(picture())


async def test_who_waits_too_long_for_others_may_try_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "WAIT_SECONDS", 0.05)
    monkeypatch.setattr(decoder, "_places", asyncio.Semaphore(1))
    others = asyncio.create_task(decoded(bomb(4000, 3000)))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):  # answered as 503 with Retry-After
        await decoded(picture())
    await others
    assert (await decoded(picture())).width == 60


async def test_the_process_ends_with_the_request(instead: Instead, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    instead(f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)")
    request = asyncio.create_task(decoded(picture()))

    async def started() -> bool:
        return pid.exists() and bool(pid.read_text())

    await eventually(started, "the process to start")
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert not Path(f"/proc/{pid.read_text()}").exists()


async def test_the_process_knows_nothing_of_the_service(
    instead: Instead, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CPRO_DATABASE_URL", "secret")
    says = """print('{"refusal": "gif"}')"""
    instead(f"import os; assert 'CPRO_DATABASE_URL' not in os.environ; {says}")
    with pytest.raises(RefusedImageError) as refused:
        await decoded(picture())
    assert refused.value.refusal is Refusal.GIF


async def test_the_service_answers_others_while_it_decodes() -> None:
    waited: list[float] = []
    loop = asyncio.get_running_loop()

    async def tick() -> None:
        while True:
            before = loop.time()
            await asyncio.sleep(0.01)
            waited.append(loop.time() - before)

    ticking = asyncio.create_task(tick())
    made = await asyncio.gather(*(decoded(bomb(4000, 3000)) for _ in range(3)))
    ticking.cancel()
    assert {(one.width, one.height) for one in made} == {(1200, 900)}
    assert len(waited) > 20
    assert max(waited) < 0.5, "the loop was blocked"


@pytest.mark.parametrize(
    ("kind", "mode", "size", "options"),
    [
        ("PNG", "RGBA", (4080, 3060), {"compress_level": 1}),
        ("PNG", "P", (4080, 3060), {"transparency": 0, "compress_level": 1}),
        ("JPEG", "RGB", (6000, 4000), {}),
        ("JPEG", "CMYK", (4080, 3060), {"progressive": True, "subsampling": 0}),
        ("WEBP", "RGBA", (2730, 2730), {"method": 0}),
    ],
)  # fmt: skip
async def test_the_largest_images_of_each_kind_fit_in_200_mb(
    kind: str, mode: str, size: tuple[int, int], options: dict[str, object]
) -> None:
    made = await decoded(encoded(drawn(mode, size), kind, **options))
    assert max(opened(made.png).size) == 1200
