"""A training system says so on each page."""

from types import SimpleNamespace

from services.gateway.web import templates


def page(*, training: bool, fragment: bool) -> str:
    settings = SimpleNamespace(product_name="CPro", version="1", training=training)
    return templates.render(
        "connexion.html", settings=settings, fragment=fragment, errors={}, refusal=None, visit=None,
        tabs=(), legal=(), flash=(), badges={}, path="/", help="", query="",
    )  # fmt: skip


def test_a_training_system_says_so_in_pages_and_fragments() -> None:
    for fragment in (True, False):
        assert "<strong>Formation</strong>" in page(training=True, fragment=fragment)
        assert "Formation" not in page(training=False, fragment=fragment)
