"""The one downloader: explicit, checked, resumable, and never a half file under its final name."""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from graphlab.errors import DatasetDownloadError

__all__ = ["DownloadResult", "download"]

_CHUNK = 1 << 20
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_SERVER_ERROR = 500
_TOO_MANY = 429
_PARTIAL = 206
_HEAD = 1024
_PAGES = (".html", ".htm")


@dataclass(frozen=True)
class DownloadResult:
    """What a download brought.

    Args:
        path: The finished file.
        size: Bytes.
        sha256: Checksum of the file.
        verified: Whether an expected checksum was known and matched.
    """

    path: Path
    size: int
    sha256: str
    verified: bool


class _NoDowngrade(urllib.request.HTTPRedirectHandler):
    """Follows redirects to allowed addresses only."""

    def redirect_request(  # noqa: PLR0917
        self,
        req: urllib.request.Request,
        fp: object,
        code: int,
        msg: str,
        headers: object,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check_url(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def download(
    url: str,
    path: str | os.PathLike[str],
    *,
    sha256: str | None = None,
    retries: int = 3,
    timeout: float = 30.0,
) -> DownloadResult:
    """Fetch one file. Nothing else in graphlab opens a connection.

    The bytes go to ``<path>.part``; a later try continues there when the server allows it. The
    file gets its name only when it is whole and, where a checksum is known, right.

    Args:
        url: ``https``; plain ``http`` to the loopback address alone.
        path: Target file; its folder is made.
        sha256: Expected checksum; without one the result says ``verified=False``.
        retries: Tries in all, with a growing pause between them.
        timeout: Seconds without a byte after which a try ends.

    Raises:
        DatasetDownloadError: All tries failed, the checksum differs, or a web page came instead
            of the file; names the host.
    """
    host = _check_url(url)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    problem = "no try was made"
    for attempt in range(max(retries, 1)):
        if attempt:
            time.sleep(min(0.5 * 2**attempt, 8.0))
        try:
            _fetch(url, part, timeout)
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = " ".join(str(error).split()) or type(error).__name__
            if isinstance(error, urllib.error.HTTPError) and not _worth_retrying(error.code):
                break
            continue
        found = _digest(part)
        page = _is_page(part) and not target.name.endswith(_PAGES)
        if page or (sha256 is not None and found != sha256):
            problem = f"sha256 is {found}, expected {sha256 or 'unknown'}"
            if page:
                problem = f"the server sent a web page instead of the file ({problem})"
            part.unlink(missing_ok=True)  # continuing a wrong file cannot make it right
            continue
        part.replace(target)
        return DownloadResult(target, target.stat().st_size, found, verified=sha256 is not None)
    raise DatasetDownloadError(
        f"Download of {target.name} from {host} failed: {problem}. "
        f"Fetch it by hand and put it at {target}."
    )


def _fetch(url: str, part: Path, timeout: float) -> None:
    """Bring the file to ``part``, continuing what is there."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})  # noqa: S310
    opener = urllib.request.build_opener(_NoDowngrade)
    try:
        response = opener.open(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:
            part.unlink()
            return _fetch(url, part, timeout)
        raise
    with response:
        append = have > 0 and response.status == _PARTIAL
        length = response.headers.get("Content-Length")
        expected = None if length is None else int(length)
        got = 0
        with part.open("ab" if append else "wb") as file:
            while chunk := response.read1(_CHUNK):
                file.write(chunk)
                got += len(chunk)
            file.flush()
            os.fsync(file.fileno())
    if expected is not None and got != expected:
        raise OSError(f"the connection ended after {got} of {expected} bytes")
    return None


def _check_url(url: str) -> str:
    """Return the host of an allowed address."""
    try:
        parts = urllib.parse.urlsplit(url)
    except ValueError as error:
        raise DatasetDownloadError(f"{url!r} is not an address: {error}.") from error
    host = parts.hostname or ""
    if parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK):
        return host
    raise DatasetDownloadError(
        f"{parts.scheme or 'no scheme'}://{host} is not allowed: downloads use https "
        "(plain http only to the loopback address)."
    )


def _is_page(path: Path) -> bool:
    """Tell a login or error page, which servers like to send with the status of success."""
    with path.open("rb") as file:
        head = file.read(_HEAD).lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return head.startswith((b"<!doctype html", b"<html"))


def _worth_retrying(code: int) -> bool:
    return code >= _SERVER_ERROR or code == _TOO_MANY


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
