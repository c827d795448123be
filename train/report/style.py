"""The style of all pages: one grid, three columns on a desk, one on a phone, two on paper."""

from __future__ import annotations

LIGHT = (
    "--page:#fff;--panel:#f7f8fa;--ink:#1b2130;--muted:#5c6675;--line:#e2e6eb;--blue:#2460e6;"
    "--pale:#9dbbf7;--grey:#848c98;--red:#c8402f;--on-blue:#fff;--c0:#4269d0;--c1:#d98a00;"
    "--c2:#d6453d;--c3:#3d9aa6;--c4:#35964f;--c5:#a463a8;--c6:#8a5a3c;--c7:#e377a2;--c8:#7f8c1f;"
    "--c9:#707784"
)
DARK = (
    "--page:#12151b;--panel:#1a1e26;--ink:#e6e9ee;--muted:#9aa4b2;--line:#2c323d;--blue:#6c9cff;"
    "--pale:#3d5d9e;--grey:#8c95a3;--red:#ff7a68;--on-blue:#0e1218;--c0:#7f9cf0;--c1:#efb118;"
    "--c2:#ff7d73;--c3:#6cc5d0;--c4:#5cc07a;--c5:#c38bd0;--c6:#b98a6c;--c7:#ff9fc4;--c8:#b6c34a;"
    "--c9:#a3abb8"
)
_COLOURS = ("blue", "pale", "grey", "red", "ink", "muted", *(f"c{i}" for i in range(10)))
COLOURS = "".join(f".{name}{{--c:var(--{name})}}" for name in _COLOURS)

STYLE = f"""
:root{{color-scheme:light dark;{LIGHT}}}
@media screen and (prefers-color-scheme:dark){{:root{{{DARK}}}}}
{COLOURS}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}}
main{{max-width:1440px;margin:0 auto;padding:40px 40px 72px;display:grid;gap:34px 26px;
grid-template-columns:repeat(3,minmax(0,1fr));grid-auto-flow:row dense}}
main>*{{grid-column:1/-1;min-width:0}}
main>.n1{{grid-column:span 1}}
main>.n2{{grid-column:span 2}}
h1{{font-size:28px;line-height:1.2;font-weight:650;letter-spacing:-.015em;margin:0 0 4px;
overflow-wrap:anywhere}}
h2{{font-size:18px;font-weight:650;margin:0 0 14px;overflow-wrap:anywhere}}
section{{border-top:1px solid var(--line);padding-top:20px}}
p{{margin:0 0 8px;max-width:76ch;overflow-wrap:anywhere}}
b{{font-weight:650}}
code{{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;overflow-wrap:anywhere}}
code span{{display:inline-block;max-width:100%;word-break:break-all}}
.muted,figcaption span{{color:var(--muted)}}
.top{{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,480px),1fr));gap:20px 40px;
margin-top:20px}}
header figure{{margin-top:18px}}
.headline{{font-size:20px;line-height:1.4;margin:0 0 2px}}
.warning{{border-left:3px solid var(--red);padding-left:10px}}
.facts{{display:grid;grid-template-columns:auto 1fr;gap:3px 16px;margin:0;font-size:14px;
align-content:start}}
dt{{color:var(--muted)}}
dd{{margin:0;min-width:0;overflow-wrap:anywhere}}
.panels{{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));
gap:28px 26px;align-items:start}}
.panels.small{{grid-template-columns:repeat(auto-fill,minmax(min(46%,230px),1fr));gap:20px 18px}}
figure{{margin:0;min-width:0;break-inside:avoid}}
figcaption{{font-size:14px;line-height:1.4;margin-bottom:6px;overflow-wrap:anywhere}}
figcaption b{{margin-right:.6em}}
.stack{{display:grid;gap:20px;min-width:0}}
.tall{{grid-row:span 2}}
.keys{{display:flex;flex-wrap:wrap;gap:0 14px;margin-top:2px;font-size:13px}}
.key i{{display:inline-block;width:16px;margin-right:6px;vertical-align:middle;
border-top:2px solid var(--c)}}
.key i.dash{{border-top-style:dashed}}
.key i.dots{{border-top-style:dotted}}
.key i.dot{{width:8px;height:8px;border:0;border-radius:4px;background:var(--c)}}
.key i.area{{width:12px;height:12px;border:0;border-radius:2px;background:var(--c);opacity:.3}}
.scroll{{overflow-x:auto}}
td>.wrap{{display:inline-block}}
table{{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums;width:100%}}
caption{{text-align:left;color:var(--muted);padding-bottom:4px}}
th,td{{padding:5px 0 5px 14px;text-align:right;font-weight:400;vertical-align:top;
white-space:nowrap}}
th:first-child{{text-align:left;padding-left:0;white-space:normal;min-width:6em}}
td:first-child{{padding-left:0}}
tr+tr>*,tbody>tr>*{{border-top:1px solid var(--line)}}
thead th{{vertical-align:bottom;white-space:normal}}
th{{color:var(--muted)}}
.group{{color:var(--ink);padding-top:16px}}
.words td,.words thead th{{text-align:left;white-space:normal;overflow-wrap:break-word}}
.matrix{{width:auto;max-width:100%}}
.matrix th,.matrix td{{border:0;padding:3px;text-align:center;vertical-align:middle}}
.matrix td{{min-width:34px;height:30px;border:1px solid var(--page);background:var(--panel)}}
.matrix tbody th{{text-align:right;padding-right:8px;min-width:0;overflow-wrap:anywhere}}
.matrix thead th:first-child{{font-size:11.5px;text-align:left;vertical-align:bottom;min-width:0}}
.matrix.upright thead th span{{writing-mode:vertical-rl;transform:rotate(180deg)}}
.matrix.few td{{min-width:58px;height:44px;font-size:15px}}
.matrix.many td{{min-width:25px;height:24px;font-size:11px}}
.cell{{background:color-mix(in srgb,var(--blue) calc(var(--s)*100%),var(--page))!important;
print-color-adjust:exact}}
.cell.on{{color:var(--on-blue)}}
.half{{max-width:720px}}
.mark{{background:color-mix(in srgb,var(--blue) calc(var(--s)*55%),transparent)}}
.mark.low{{background:color-mix(in srgb,var(--c1) calc(var(--s)*55%),transparent)}}
.wrap{{white-space:normal}}
.bar{{display:block;min-width:90px;height:12px;margin-top:4px}}
.bar i{{display:block;height:100%;background:var(--blue);border-radius:2px}}
.sentence{{line-height:2.5;overflow-wrap:break-word}}
.sentence li{{margin:0 0 4px;overflow-wrap:break-word}}
ruby{{white-space:nowrap;margin:0 1px;border-bottom:2px solid var(--grey);padding-bottom:1px}}
ruby.wrong{{border-color:var(--red);background:color-mix(in srgb,var(--red) 14%,transparent)}}
rt{{padding:0 3px;font-size:10.5px;color:var(--muted)}}
ruby.wrong rt{{color:var(--red)}}
.strip{{display:grid;grid-template-columns:1fr 1fr;gap:10px}}
svg{{display:block;width:100%;height:auto;overflow:visible}}
svg text{{font-size:12px;fill:var(--muted)}}
svg text.ink{{fill:var(--ink);paint-order:stroke;stroke:var(--page);stroke-width:3px;
stroke-linejoin:round}}
svg text.on{{fill:var(--on-blue)}}
.l{{fill:none;stroke:var(--c);stroke-width:1.75;stroke-linejoin:round;stroke-linecap:round}}
.l.thin{{stroke-width:1}}
.l.dash{{stroke-dasharray:6 4}}
.l.dot{{stroke-dasharray:1 4}}
.p{{fill:none;stroke:var(--c);stroke-linecap:round;stroke-width:4.5;stroke-opacity:.65}}
.p.many{{stroke-width:3;stroke-opacity:.42}}
.p.big{{stroke-width:6;stroke-opacity:1}}
.a{{fill:var(--c);stroke:none}}
.band{{fill:var(--c);fill-opacity:.16;stroke:none}}
.grid,.axis{{fill:none;stroke:var(--line);stroke-width:1}}
.axis{{stroke:var(--grey)}}
ul{{margin:0;padding-left:20px;max-width:90ch}}
li{{margin:3px 0;overflow-wrap:anywhere}}
details{{border-top:1px solid var(--line);padding-top:14px;margin-bottom:-16px}}
summary{{cursor:pointer;font-size:16px;font-weight:650;margin-bottom:12px}}
pre{{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre-wrap;
overflow-wrap:anywhere;margin:0}}
@media (min-width:760px){{.wide{{grid-column:span 2}}}}
@media (max-width:1150px){{main{{grid-template-columns:repeat(2,minmax(0,1fr));
padding:32px 28px 60px}}
main>.n2{{grid-column:1/-1}}table{{font-size:13px}}th,td{{padding-left:9px}}
.bar{{min-width:44px}}.matrix td{{min-width:25px;height:25px;font-size:12px}}}}
@media (max-width:759px){{main{{display:block}}section,details{{margin-top:28px}}}}
@media (max-width:600px){{main{{padding:22px 16px 48px}}h1{{font-size:23px}}
.headline{{font-size:18px}}main{{gap:26px 0}}section{{padding-top:16px}}
th,td{{padding-left:9px}}table{{font-size:13px}}.bar{{min-width:36px}}
.many th,.many td{{padding-left:6px;font-size:12px}}
.many th:first-child{{padding-left:0;min-width:4.4em}}
.matrix td{{min-width:22px;height:24px;font-size:11px}}}}
@media print{{@page{{margin:11mm}}body{{font-size:10.5px}}main{{max-width:none;padding:0}}
h1{{font-size:19px}}h2{{font-size:12.5px;margin-bottom:5px;break-after:avoid}}
.headline{{font-size:13.5px}}.facts,figcaption,.keys,code{{font-size:9.5px}}table{{font-size:8.8px}}
main{{display:block}}section{{margin-top:9px;padding-top:6px}}
th,td{{padding:1.5px 0 1.5px 4px}}th:first-child{{min-width:4.2em}}
.matrix td,.matrix.few td,.matrix.many td{{min-width:15px;height:16px;font-size:8.5px}}
.matrix.few td{{min-width:44px;height:26px}}.matrix thead th:first-child{{font-size:7.5px}}
.top{{grid-template-columns:1fr 1fr;gap:8px 24px;margin-top:8px}}
.panels{{grid-template-columns:repeat(3,1fr);gap:9px 16px}}.wide{{grid-column:span 2}}
.panels.small{{grid-template-columns:repeat(5,1fr);gap:8px}}details:not([open]){{display:none}}
.bar{{height:6px;margin-top:3px;min-width:24px;print-color-adjust:exact}}
.a,.mark,i{{print-color-adjust:exact}}
.sentence{{line-height:2}}rt{{font-size:7px}}tr{{break-inside:avoid}}}}
"""
