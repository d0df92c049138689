"""What the edge answers by itself: error pages, problem details, the page before the first build.

`$name` in the texts are nginx variables, filled in when the answer is sent.
"""

from __future__ import annotations

import html

TITLES: tuple[tuple[int, str], ...] = (
    (400, "The request is malformed"),
    (401, "Nobody is logged in"),
    (403, "This is not allowed"),
    (404, "There is nothing here"),
    (405, "The method is not allowed here"),
    (408, "The request took too long to arrive"),
    (411, "The length of the request is missing"),
    (413, "The request is too large"),
    (414, "The address is too long"),
    (415, "The content type is not supported"),
    (429, "Too many requests"),
    (431, "The request header is too large"),
    (500, "The edge failed"),
    (501, "The method is not supported"),
)
CODES: tuple[tuple[int, str], ...] = (
    (400, "bad_request"),
    (401, "not_logged_in"),
    (403, "access_denied"),
    (404, "not_found"),
    (405, "method_not_allowed"),
    (408, "request_timeout"),
    (411, "length_required"),
    (413, "body_too_large"),
    (414, "address_too_long"),
    (415, "unsupported_media_type"),
    (429, "limit_exceeded"),
    (431, "header_too_large"),
)

_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:36rem;"
    "margin:15vh auto;padding:0 1rem}h1{font-size:1.4rem}code{overflow-wrap:anywhere}"
    "small{opacity:.7}"
)


def page(status: str, title: str, detail: str, refresh_s: int | None = None) -> str:
    """A small HTML page that needs nothing else."""
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    detail_text = f"<p>{detail}</p>" if detail else ""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8">{refresh}'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{detail_text}"
        f"<p><small>{status}, request <code>$request_id</code></small></p></body></html>\n"
    )


def problem(status: str, title: str, code: str, detail: str) -> str:
    """Problem Details (RFC 9457) in the shape of the API's own."""
    return (
        f'{{"type":"about:blank","title":"{title}","status":{status},"detail":"{detail or title}",'
        f'"code":"{code}","request_id":"$request_id"}}\n'
    )


def unbuilt_page(build_command: str) -> str:
    """Stands in for the console until its static export exists."""
    command = html.escape(build_command)
    return page(
        "503",
        "The console has not been built",
        f"The platform runs; only its console is missing. Build it with <code>{command}</code> "
        "and reload this page.",
    )
