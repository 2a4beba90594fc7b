"""All that the demonstration has: schools, people, cases. Done twice it changes nothing."""

import datetime as dt
import logging
import time
from collections.abc import Mapping

from deploy.local.client import Sign, UnexpectedAnswerError
from deploy.local.seed import Seed
from deploy.local.seeds.demonstration import Demonstration
from shared.clock import PARIS

log = logging.getLogger(__name__)


async def fill(urls: Mapping[str, str], sign: Sign, environment: Mapping[str, str]) -> None:
    """Fill the system at `urls`; `environment` is that of `etablissement`. Without its cases the
    system is still there: what went wrong is told in the log.
    """
    seed = Seed(urls, sign)
    await seed.everything(environment)
    begun = time.monotonic()
    try:
        await seed.further()
        now = dt.datetime.now(PARIS).replace(microsecond=0)
        await Demonstration(urls, sign, now).play()
    except (UnexpectedAnswerError, TimeoutError):
        log.exception("the demonstration's data are not complete")
    log.warning("the demonstration's data took %.0f s", time.monotonic() - begun)
