"""How the page looks and its one small script; no colour, address or size comes from a stranger."""

from __future__ import annotations

from explain.report.nouns import View

STYLE = """\
:root { color-scheme: light dark;
  --paper: #fff; --ink: #212529; --quiet: #5a6169; --line: #d9dde1; --soft: #f5f6f7; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #0e1117; --ink: #e8e8e8; --quiet: #a9b0b8; --line: #343a42; --soft: #181c23; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2.5rem 1.25rem 4rem; max-width: 62rem;
  background: var(--paper); color: var(--ink); overflow-wrap: anywhere;
  font: 1rem/1.55 system-ui, "Helvetica Neue", Arial, "Noto Sans", "Noto Sans KR", sans-serif; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .4rem; }
h2 { font-size: 1.3rem; line-height: 1.3; margin: 0 0 .8rem; }
h3 { font-size: .95rem; margin: 1.4rem 0 .4rem; }
p { margin: 0 0 .6rem; }
.made, .scale, .lines, .size { color: var(--quiet); }
.made, .lines, .scale { font-size: .875rem; }
header { margin-bottom: 2rem; }
section { border-top: 1px solid var(--line); padding-top: 1.8rem; margin-top: 2.2rem; }
nav ol { margin: .4rem 0 0; padding-left: 1.4rem; }
a { color: inherit; }
figure { margin: 0; }
.panels { display: grid; gap: 1.1rem 1rem; align-items: start; }
.panels.one { max-width: 36rem; margin-inline: auto; }
.panel { min-width: 0; container-type: inline-size; }
.panel h3 { margin: 0 0 .25rem; font-weight: 600; }
.stack { position: relative; line-height: 0; background: var(--soft); }
.stack img { width: 100%; height: auto; }
.stack .over { position: absolute; inset: 0; height: 100%; opacity: var(--opacity, .5); }
.sharp { image-rendering: pixelated; }
.lines { margin: .3rem 0 0; }
.note { margin: .3rem 0 0; font-size: .875rem; padding-left: .6rem; border-left: 3px solid #c98a00; }
.scale { margin: .5rem 0 0; }
.scale .ramp { display: block; width: 100%; height: .6rem; }
.scale .ticks { display: flex; flex-wrap: wrap; justify-content: space-between; column-gap: .5rem;
  font-variant-numeric: tabular-nums; }
.scale .ticks span { white-space: nowrap; }
@container (max-width: 14rem) { .scale .ticks { font-size: .75rem; line-height: 1.3; }
  .scale .ticks span:nth-child(2) { display: none; } }
.scale p { margin: .1rem 0 0; }
.whole { max-width: 26rem; margin: 1.2rem auto 0; text-align: center; }
figcaption { margin-top: 1rem; }
.slider { display: flex; gap: .6rem; align-items: center; margin: 0 0 .8rem; font-size: .875rem; }
.slider[hidden] { display: none; }
.slider input { width: 14rem; max-width: 60vw; }
table { border-collapse: collapse; font-size: .8125rem; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); }
.facts th { font-weight: 500; color: var(--quiet); white-space: nowrap; width: 1%; }
.wide { overflow-x: auto; }
.wide th, .wide td { min-width: 6.5rem; }
details { margin: .5rem 0 0; font-size: .875rem; }
summary { cursor: pointer; }
code, pre { font: .8125rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { background: var(--soft); padding: .6rem .8rem; margin: .3rem 0; white-space: pre-wrap; }
@media (max-width: 40rem) {
  .panels { grid-template-columns: repeat(2, minmax(0, 1fr)) !important; gap: .8rem .6rem; }
  .panels.one, .panels.charts { grid-template-columns: minmax(0, 1fr) !important; }
}
@media print {
  :root { color-scheme: light;
    --paper: #fff; --ink: #000; --quiet: #444; --line: #ccc; --soft: #f5f6f7; }
  @page { margin: 18mm 16mm; }
  body { padding: 0; max-width: none; font-size: 10pt; }
  .slider { display: none; }
  figure, .panel, tr, pre { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  img { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

SCRIPT = """\
for (const slider of document.querySelectorAll(".slider")) {
  const input = slider.querySelector("input"), shown = slider.querySelector("output");
  const section = slider.closest("section");
  const draw = () => {
    section.style.setProperty("--opacity", input.value / 100);
    shown.textContent = input.value + "%";
  };
  input.addEventListener("input", draw);
  slider.hidden = false;
}
"""


def of_view(view: View, number: int) -> str:
    """The rules of one section: its columns and its opacity."""
    columns = max(1, min(view.columns, len(view.panels)))
    return (
        f"#figure-{number} {{ --opacity: {view.opacity:.4g}; }}\n"
        f"#figure-{number} .panels {{ grid-template-columns: repeat({columns}, minmax(0, 1fr)); }}\n"
    )
