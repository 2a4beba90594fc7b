"""HTTP of `etablissement`: one module a subject, and the problems that all of them answer with."""

from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from shared.web.problems import Problem

ROUTERS: Sequence[APIRouter] = ()
PROBLEMS: Mapping[type[Exception], Problem] = {}
