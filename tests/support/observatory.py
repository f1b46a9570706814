"""The rules of Mozilla's HTTP Observatory that concern one answer (https://github.com/mozilla/http-observatory)."""

import requests

HALF_A_YEAR = 15_768_000


def observatory_faults(answer: requests.Response) -> list[str]:
    """What would cost points: an empty list is the best grade.

    Args:
        answer: of a page that was asked for by HTTPS; all cookies that it sets are judged.
    """
    headers = answer.headers
    policy = dict(_directive(part) for part in headers.get("Content-Security-Policy", "").split(";"))
    scripts = policy.get("script-src", policy.get("default-src", ["*"]))
    seconds = headers.get("Strict-Transport-Security", "max-age=0").partition("max-age=")[2].partition(";")[0]
    judged = {
        "Content-Security-Policy: nothing by default": policy.get("default-src") == ["'none'"],
        "Content-Security-Policy: no unsafe scripts": not {"'unsafe-inline'", "'unsafe-eval'", "data:", "*"} & set(scripts),
        "Content-Security-Policy: no unsafe styles": "'unsafe-inline'" not in policy.get("style-src", []),
        "Content-Security-Policy: base-uri": policy.get("base-uri") == ["'none'"],
        "Content-Security-Policy: form-action": policy.get("form-action") == ["'none'"],
        "Content-Security-Policy: frame-ancestors": policy.get("frame-ancestors") == ["'none'"],
        "Strict-Transport-Security": int(seconds) >= HALF_A_YEAR,
        "X-Content-Type-Options": headers.get("X-Content-Type-Options") == "nosniff",
        "X-Frame-Options": headers.get("X-Frame-Options") == "DENY",
        "Referrer-Policy": headers.get("Referrer-Policy") in {"no-referrer", "same-origin", "strict-origin"},
        "Cross-Origin-Resource-Policy": headers.get("Cross-Origin-Resource-Policy") == "same-origin",
        "no Access-Control-Allow-Origin": "Access-Control-Allow-Origin" not in headers,
    }  # fmt: skip
    return [rule for rule, holds in judged.items() if not holds] + cookie_faults(answer)


def cookie_faults(answer: requests.Response) -> list[str]:
    """The cookies of an answer that are not as protected as they can be."""
    texts = answer.raw.headers.getlist("Set-Cookie")
    faults = []
    for text in texts:
        name, *attributes = [part.strip() for part in text.split(";")]
        wanted = {"Secure", "HttpOnly", "SameSite=Strict"}
        if not wanted <= set(attributes) or not name.startswith(("__Host-", "__Secure-")):
            faults.append(f"cookie {text}")
    return faults


def _directive(part: str) -> tuple[str, list[str]]:
    name, *values = part.split() or [""]
    return name, values
