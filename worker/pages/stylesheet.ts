/** The style of all pages: light and dark by the system, dense, and one column on a phone. */

export const STYLESHEET = `:root{color-scheme:light dark;
--ground:#f6f7f7;--card:#fff;--text:#1b2124;--muted:#59646a;--line:#dfe4e6;--soft:#eef1f2;--link:#0b5f6a;--fill:#2b8c98;
--ok:#1b6437;--ok-soft:#e0f2e6;--warn:#7a4a00;--warn-soft:#fcefd8;--bad:#a1221b;--bad-soft:#fbe4e2;
--mono:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono","DejaVu Sans Mono",monospace}
@media(prefers-color-scheme:dark){:root{
--ground:#0e1315;--card:#151c1f;--text:#e2e8ea;--muted:#98a6ad;--line:#273239;--soft:#1d262a;--link:#6fcbd4;--fill:#3f9ca8;
--ok:#83d6a2;--ok-soft:#16301f;--warn:#ecc078;--warn-soft:#35280f;--bad:#ff9d94;--bad-soft:#3d1b19}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;background:var(--ground);color:var(--text);font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
a{color:var(--link);text-decoration:none;text-underline-offset:3px}
a:hover{text-decoration:underline}
p a,dd a,li a,footer a{text-decoration:underline;text-decoration-color:color-mix(in srgb,currentColor 35%,transparent)}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:3px}
main:focus{outline:none}
h1,h2,h3,p,figure,dl,dd,ul,ol,pre{margin:0}
h1{font-size:20px;line-height:1.3;font-weight:650;letter-spacing:-.01em}
h2{font-size:15px;line-height:1.4;font-weight:650}
h3{font-size:13px;font-weight:650}
summary>*{display:inline}
small{font-size:12px;color:var(--muted)}
.mono,code,pre{font-family:var(--mono);font-size:12.5px;letter-spacing:-.01em}
h1.mono,h1 .mono{font-size:18px}
h2.mono{font-size:15px}
.break{overflow-wrap:anywhere}
.muted{color:var(--muted)}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip{position:absolute;left:-999px;top:8px;padding:8px 12px;background:var(--card);z-index:1}
.skip:focus{left:8px}
header,main,footer{width:100%;max-width:1180px;margin:0 auto;padding:0 20px}
header{display:flex;align-items:center;gap:4px 20px;flex-wrap:wrap;padding-top:12px;padding-bottom:12px}
header nav{display:flex;gap:4px;margin-left:auto}
header nav a{padding:6px 10px;border-radius:6px;color:var(--muted)}
header nav a[aria-current]{color:var(--text);background:var(--soft);font-weight:600}
.brand{display:flex;align-items:center;gap:9px;font-weight:650;color:var(--text);padding:4px 0;overflow-wrap:anywhere;min-width:0}
.brand svg{flex:none;color:#0f766e}
main{flex:1;padding-top:8px;padding-bottom:24px}
main>*+*,.columns>div>*+*{margin-top:16px}
footer{display:flex;flex-wrap:wrap;gap:4px 24px;justify-content:space-between;padding-top:14px;padding-bottom:28px;color:var(--muted);font-size:12px}
.title>*+*{margin-top:4px}
.title p{color:var(--muted)}
.crumbs{font-size:12.5px}
.facts{display:flex;flex-wrap:wrap;gap:4px 14px;align-items:center}
.columns{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,400px);gap:16px;align-items:start}
.columns>:only-child{grid-column:1/-1}
.halves{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px}
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;min-width:0}
.card>*+*{margin-top:10px}
.bar{display:flex;flex-wrap:wrap;gap:8px 16px;align-items:center;justify-content:space-between}
.summary{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:1px;background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden}
.summary div{box-shadow:0 0 0 1px var(--line);padding:10px 16px}
dt{color:var(--muted);font-size:12px}
.summary dd{font-size:15px;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap}
.badge{display:inline-block;font:600 11px/18px system-ui,sans-serif;padding:0 7px;border-radius:9px;white-space:nowrap;vertical-align:1px;background:var(--soft);color:var(--muted)}
th .badge{margin-left:8px}
.badge.ok{background:var(--ok-soft);color:var(--ok)}
.badge.warn{background:var(--warn-soft);color:var(--warn)}
.badge.bad{background:var(--bad-soft);color:var(--bad)}
.notice{border-left:3px solid var(--line);background:var(--soft);padding:9px 12px;border-radius:0 8px 8px 0}
.notice>*+*{margin-top:8px}
.notice.warn{border-color:var(--warn);background:var(--warn-soft)}
.notice.warn small,.notice.warn a{color:inherit}
.search{display:flex;gap:6px;min-width:0}
input,button{font:inherit;font-size:13px;min-height:32px;padding:4px 10px;border:1px solid var(--line);border-radius:7px;background:var(--ground);color:var(--text);min-width:0}
input{width:210px;border-color:color-mix(in srgb,var(--muted) 60%,transparent)}
input::placeholder{color:var(--muted);opacity:1}
button{background:var(--soft);font-weight:600;cursor:pointer}
button:hover{border-color:var(--muted)}
.scroll{overflow-x:auto;margin-left:-16px;margin-right:-16px;padding:0 16px}
table{width:100%;border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 14px 6px 0;border-top:1px solid var(--line);vertical-align:baseline;white-space:nowrap}
th:last-child,td:last-child{padding-right:0}
thead th{border-top:0;color:var(--muted);font-size:12px;font-weight:500;padding-top:0}
tbody th{font-weight:500}
tbody tr:hover{background:color-mix(in srgb,var(--soft) 60%,transparent)}
tr.selected,tr.selected:hover{background:var(--soft)}
tr.selected th a{font-weight:700;color:var(--text)}
.number{text-align:right}
th.number,td.number{padding-left:10px}
.bars{width:28%;min-width:90px}
svg{fill:var(--fill)}
.bars svg{display:block;width:100%;height:10px}
path.bad{fill:var(--bad)}
.mark{stroke:var(--ground)}
caption{text-align:left;font-size:13px;font-weight:650;padding-bottom:4px}
.compact th,.compact td{padding-top:4px;padding-bottom:4px}
td time{color:var(--muted)}
.pager{display:flex;justify-content:space-between;align-items:center;gap:12px;font-variant-numeric:tabular-nums;color:var(--muted)}
.pager a,.pager .off{padding:5px 10px;border:1px solid var(--line);border-radius:7px}
.pager .off{opacity:.45}
.empty{padding:14px 0 6px}
.empty>*+*{margin-top:8px}
.tabs{display:flex;flex-wrap:wrap;gap:5px}
.tabs a{padding:3px 9px;border:1px solid var(--line);border-radius:999px;font-size:12.5px;color:var(--text)}
.tabs a:hover{background:var(--soft);text-decoration:none}
.tabs a[aria-current]{background:var(--link);border-color:var(--link);color:var(--card);font-weight:600}
pre{background:var(--soft);border-radius:7px;padding:8px 10px;overflow-x:auto;line-height:1.55;tab-size:2}
.copy{user-select:all;-webkit-user-select:all}
.wrap{white-space:pre-wrap;overflow-wrap:anywhere}
figcaption{font-size:12.5px;color:var(--muted);margin-bottom:4px;overflow-wrap:anywhere}
figcaption code{color:var(--text)}
.held p{overflow-wrap:anywhere}
.held,.lines,.timeline,.tree,.tree ul{list-style:none;padding:0}
.held li+li,.lines li+li{border-top:1px solid var(--line);margin-top:9px;padding-top:9px}
.held p,.lines p{color:var(--muted);margin-top:2px}
.facts-list{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:5px 14px}
.facts-list dt{line-height:21px}
.texts{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,5fr);margin-top:8px}
.texts dt,.texts dd{font-family:var(--mono);font-size:12px;overflow-wrap:anywhere}
.texts dt,.texts dd{border-top:1px solid var(--line);padding:4px 0}
.texts dt{color:var(--muted);padding-right:14px}
summary{cursor:pointer;padding:3px 0}
summary::marker{color:var(--muted)}
details>*+*{margin-top:6px}
.pull>*+*{margin-top:6px}
.timeline li{position:relative;padding:0 0 12px 18px;border-left:2px solid var(--line);margin-left:5px}
.timeline li:last-child{padding-bottom:0}
.timeline li::before{content:"";position:absolute;left:-6px;top:6px;width:10px;height:10px;border-radius:50%;background:var(--fill);border:2px solid var(--card)}
.timeline p{overflow-wrap:anywhere}
.timeline p:last-child{color:var(--muted);font-size:12.5px}
.tree ul{border-left:2px solid var(--line);margin:4px 0 0 5px;padding-left:12px}
.tree ul li{margin-top:7px;font-size:12.5px}
.steps{padding-left:34px;font-size:12px}
.steps li+li{border-top:1px solid var(--line);padding-top:4px;margin-top:4px}
.steps code{font-size:12px;overflow-wrap:anywhere}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,260px),1fr));gap:14px 24px}
.plots svg{display:block;width:100%;height:44px;border-bottom:1px solid var(--line)}
.plots strong{color:var(--text)}
.problem{max-width:560px;margin:8vh auto 12vh}
.problem>*+*{margin-top:10px}
.problem .status{font:650 13px var(--mono);color:var(--muted)}
@media(max-width:900px){.columns{grid-template-columns:minmax(0,1fr)}}
@media(max-width:560px){
header,main,footer{padding-left:14px;padding-right:14px}
header nav a,.tabs a,.pager a,.pager .off{padding:9px 12px}
tbody th a{display:inline-block;padding:4px 0}
button,input{min-height:40px;font-size:16px}
summary{padding:9px 0}
.card{padding:12px 14px}
.scroll{margin-left:-14px;margin-right:-14px;padding:0 14px}
.search{width:100%}.search input{flex:1}
.summary{grid-template-columns:1fr 1fr}
.cards thead{display:none}
.cards tr{display:flex;flex-wrap:wrap;gap:0 16px;border-top:1px solid var(--line);padding:5px 0}
.cards th{flex-basis:100%;white-space:normal;overflow-wrap:anywhere}
.cards th,.cards td{border:0;padding:1px 0;text-align:left}
.cards td:empty{display:none}
.repositories td:nth-child(2)::after{content:" tags"}
.repositories td:nth-child(4)::before{content:"checked "}
.cards td[data-title]::before{content:attr(data-title) " ";color:var(--muted)}
.tags td:nth-child(3){order:1}
.texts{grid-template-columns:minmax(0,1fr)}.texts dd{border:0;padding-top:0}
}
@media(prefers-reduced-motion:no-preference){a,button{transition:background-color .12s,border-color .12s}}
@media print{header nav,.search,.pager{display:none}}
`;
