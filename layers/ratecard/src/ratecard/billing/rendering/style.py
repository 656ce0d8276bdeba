"""The look of a page: light and dark, on a screen and on paper, without anything fetched."""

from __future__ import annotations

STYLE = """
:root{--ink:#16202c;--soft:#5a6675;--line:#d5dbe3;--wash:#f4f6f9;--paper:#fff;--bar:#2f6fb2;--warn:#8a4b00}
@media (prefers-color-scheme:dark){:root{--ink:#e8ecf1;--soft:#a3adba;--line:#39434f;--wash:#1d242d;--paper:#12171d;
--bar:#6aa9e9;--warn:#ffb765}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:54rem;margin:0 auto;padding:2.5rem 1.5rem}
h1{font-size:1.9rem;line-height:1.2;margin:0}
h2{font-size:.8rem;letter-spacing:.05em;text-transform:uppercase;color:var(--soft);margin:0 0 .3rem}
header{margin-bottom:1.5rem}
.issued{margin:.2rem 0 1.5rem;color:var(--soft)}
.parties{display:flex;flex-wrap:wrap;gap:1rem 3rem;margin-top:1.5rem}
.parties section{flex:1 1 14rem;min-width:0;overflow-wrap:anywhere}
.issued+.parties{margin-top:0}
address{font-style:normal}
.notice{border-left:4px solid var(--warn);padding:.5rem .9rem;background:var(--wash);font-weight:600}
dl{margin:0 0 1.5rem}
dl div{display:flex;flex-wrap:wrap;gap:0 1rem;padding:.15rem 0}
dt{flex:0 0 9.5rem;color:var(--soft)}
dd{flex:1 1 18rem;margin:0;overflow-wrap:anywhere}
code{font:.86em/1.5 ui-monospace,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;margin:0 0 1.75rem}
caption{text-align:left;font-weight:650;font-size:1.05rem;padding-bottom:.35rem}
thead th{font-size:.8rem;font-weight:600;color:var(--soft);border-bottom:1.5px solid var(--ink)}
th,td{padding:.4rem .6rem;vertical-align:top;text-align:left}
th:first-child,td:first-child{padding-left:0}
th:last-child,td:last-child{padding-right:0}
tbody tr+tr:not(.tier)>*{border-top:1px solid var(--line)}
tbody th{font-weight:500;min-width:9.5rem}
th small{display:block;color:var(--soft);font-weight:400}
.number{text-align:right;white-space:nowrap}
.tier td{padding-top:0;padding-bottom:.2rem;color:var(--soft);font-size:.87rem}
.tier td:first-child{padding-left:1.2rem}
.sums{width:auto;min-width:20rem;margin-left:auto}
.final>*{font-size:1.2rem;font-weight:700;border-top:1.5px solid var(--ink)!important}
.unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
figure{margin:0 0 1.75rem}
figcaption{font-weight:650;font-size:1.05rem;margin-bottom:.35rem}
svg{display:block;width:100%;height:auto}
svg text{fill:var(--soft);font-size:11px;font-family:inherit}
svg .bar{fill:var(--bar)}
svg .rule{stroke:var(--line);stroke-width:1}
details{color:var(--soft)}
details table{width:auto;margin-top:.5rem;font-size:.87rem}
.remark{color:var(--soft)}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--wash:#fff;--paper:#fff;--bar:#2f6fb2;--warn:#8a4b00}
@page{size:A4;margin:16mm}
body{font-size:10.5pt}main{max-width:none;padding:0}details{display:none}.scroll{overflow:visible}
tr,figure,section{break-inside:avoid}thead{display:table-header-group}caption,thead{break-after:avoid}
tbody tr:first-child,.tier{break-before:avoid}*{print-color-adjust:exact}}
@media (max-width:36rem){main{padding:1.25rem .9rem}.tier td{font-size:.8rem}th,td{padding:.35rem .4rem}}
"""
