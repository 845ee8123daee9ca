"""What a request may ask for: well-formed ids and a token that signs the slide. Everything else is refused here."""

import time

from starlette.exceptions import HTTPException
from starlette.requests import Request

from icicore.addresses import BadToken, check, is_digest, is_key


def slide_of(request: Request, secret: str) -> str:
    """Return the slide id of the address; 400 when it is malformed, 403 without a valid token."""
    slide = str(request.path_params["slide"])
    if not is_digest(slide):
        raise HTTPException(400, "malformed slide id")
    try:
        check(secret, request.query_params.get("t", ""), slide, now=time.time())
    except BadToken as error:
        raise HTTPException(403, "forbidden") from error
    return slide


def result_of(request: Request) -> tuple[str, str]:
    """Return case key and bundle id of the address; 400 when malformed."""
    case, bundle = str(request.path_params["case"]), str(request.path_params["bundle"])
    if not (is_key(case) and is_digest(bundle)):
        raise HTTPException(400, "malformed case or bundle id")
    return case, bundle


def number(request: Request, name: str, *, low: float, high: float) -> float:
    """Return a number of the query; 400 when it is missing, not finite or outside [low, high]."""
    try:
        value = float(request.query_params[name])
    except (KeyError, ValueError) as error:
        raise HTTPException(400, f"{name} is not a number") from error
    if not low <= value <= high:
        raise HTTPException(400, f"{name} is out of range")
    return value
