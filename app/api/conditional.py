"""Conditional requests (RFC 9110, 13): has the caller already got what a tag names?"""

import re


def matches(header: str | None, tag: str) -> bool:
    """If-None-Match, compared weakly (13.1.2), because caches on the way may have weakened the tag."""
    if header is None:
        return False
    return header.strip() == "*" or tag in re.findall(r'(?:W/)?"([^"]*)"', header)
