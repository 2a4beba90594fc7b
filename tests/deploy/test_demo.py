"""The demonstration fails aloud: its exit status says whether the records have followed."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from deploy.local import demo
from deploy.local.client import UnexpectedAnswerError


@pytest.mark.parametrize(
    "error", [demo.RecordsDidNotMoveError("3 of 4"), UnexpectedAnswerError("503"), TimeoutError()]
)
def test_a_story_that_does_not_end_well_exits_with_1(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def nothing(*_: object, **__: object) -> Iterator[None]:
        yield

    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(demo, "running_stack", nothing)
    monkeypatch.setattr(demo, "story", fails)
    with pytest.raises(SystemExit) as ended:
        demo.main()
    assert ended.value.code == 1
    assert "Le dossier n'a pas suivi" in capsys.readouterr().out
