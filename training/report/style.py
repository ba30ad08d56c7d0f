"""The page around a report: no script, no font, nothing from elsewhere."""

from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1c2024; --faint: #626a73; --line: #e1e4e8; --panel: #f6f7f9;
  --good: #1a7f37; --bad: #c4262e; --c0: #2563eb; --c1: #d9480f; --c2: #0f8a5f; --c3: #9333ea; --c4: #b7791f;
  --c5: #be185d; }
@media (prefers-color-scheme: dark) { :root { --paper: #111418; --ink: #e6e8eb; --faint: #98a1ab; --line: #2a3038;
  --panel: #191d23; --good: #4ac26b; --bad: #ff7b72; --c0: #6ea8fe; --c1: #ff9e64; --c2: #4fd1a5; --c3: #c792ea;
  --c4: #e3b341; --c5: #f778ba; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1080px; padding: 32px 20px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 44px 0 12px; padding-top: 12px; border-top: 1px solid var(--line); }
p { margin: 8px 0; max-width: 76ch; overflow-wrap: anywhere; }
.faint, figcaption { color: var(--faint); font-size: 13px; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 10px; margin: 20px 0 0; }
.facts div { background: var(--panel); border-radius: 8px; padding: 10px 12px; }
.facts dt { color: var(--faint); font-size: 12px; }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.two, .charts, .moments { display: grid; gap: 18px; }
.two, .charts { grid-template-columns: repeat(auto-fit, minmax(min(320px, 100%), 1fr)); }
.moments { grid-template-columns: repeat(auto-fill, minmax(min(220px, 100%), 1fr)); }
figure { margin: 0; }
figcaption { margin-bottom: 6px; display: flex; flex-wrap: wrap; gap: 2px 14px; }
figcaption strong, .key b { color: var(--ink); }
img { display: block; width: 100%; height: auto; border-radius: 6px; image-rendering: pixelated;
  background: repeating-conic-gradient(#c9ced4 0 25%, #eef0f2 0 50%) 0 0 / 16px 16px; }
.pairs { max-width: 768px; }
svg { display: block; width: 100%; height: auto; background: var(--panel); border-radius: 6px; }
svg text { fill: var(--faint); font-size: 11px; }
svg line { stroke: var(--line); }
polyline { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.key::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 5px;
  background: currentColor; }
.c0 { stroke: var(--c0); } .c1 { stroke: var(--c1); } .c2 { stroke: var(--c2); }
.c3 { stroke: var(--c3); } .c4 { stroke: var(--c4); } .c5 { stroke: var(--c5); }
.key.c0::before { background: var(--c0); } .key.c1::before { background: var(--c1); }
.key.c2::before { background: var(--c2); } .key.c3::before { background: var(--c3); }
.key.c4::before { background: var(--c4); } .key.c5::before { background: var(--c5); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 14px; }
th, td { text-align: left; padding: 5px 22px 5px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
code, pre { font: 13px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: var(--panel); padding: 12px; border-radius: 8px; overflow-x: auto; }
.passed { color: var(--good); } .failed { color: var(--bad); }
"""


def page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n{body}\n</body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """ "" if there is nothing in it."""
    inside = "\n".join(part for part in parts if part)
    return f"<h2>{escape(title)}</h2>\n{inside}" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def facts(pairs: dict[str, str]) -> str:
    cells = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs.items())
    return f'<dl class="facts">{cells}</dl>'


def table(headings: list[str], rows: list[list[str]], figures: int) -> str:
    """The last `figures` columns hold figures."""
    words = len(headings) - figures

    def row(cells: list[str], kind: str) -> str:
        return "".join(
            f'<{kind} class="n">{escape(cell)}</{kind}>' if index >= words else f"<{kind}>{escape(cell)}</{kind}>"
            for index, cell in enumerate(cells)
        )

    body = "".join(f"<tr>{row(cells, 'td')}</tr>" for cells in rows)
    return (
        f'<div class="scroll"><table><thead><tr>{row(headings, "th")}</tr></thead><tbody>{body}</tbody></table></div>'
    )
