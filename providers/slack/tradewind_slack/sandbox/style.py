"""How the pages of the stand-in look."""

from __future__ import annotations

STYLE = """
*{box-sizing:border-box}
body{margin:0;display:flex;min-height:100vh;font:15px/1.46 -apple-system,"Segoe UI",Lato,Roboto,sans-serif;
color:#1d1c1d;background:#fff}
nav{width:220px;flex:none;background:#3f0e40;color:#cfc3cf;padding:16px 8px}
nav>strong{display:block;color:#fff;padding:0 8px 12px;font-size:17px;overflow:hidden;text-overflow:ellipsis}
nav a{display:flex;justify-content:space-between;gap:6px;color:inherit;
text-decoration:none;padding:3px 8px;border-radius:6px}
nav a:hover{background:#350d36}
nav a.current{background:#1164a3;color:#fff}
nav b{font-weight:600;font-size:12px;background:#ffffff2e;border-radius:9px;padding:1px 7px}
main{flex:1;min-width:0;padding:0 0 40px}
header{padding:12px 20px;border-bottom:1px solid #ddd;position:sticky;top:0;background:#fff}
h1{font-size:18px;margin:0}
h3{font-size:18px;margin:4px 0}
small,.time,.edited,.context{color:#616061;font-size:12px}
.day{text-align:center;border-top:1px solid #ddd;margin:22px 0 12px}
.day span{background:#fff;border:1px solid #ddd;border-radius:14px;padding:3px 14px;font-size:13px;font-weight:600;
position:relative;top:-14px}
article{display:flex;gap:8px;padding:6px 20px}
article:target{background:#fef9e3}
.face{width:36px;height:36px;flex:none;border-radius:6px;background:#e8912d;color:#fff;font-weight:700;display:flex;
align-items:center;justify-content:center}
.face.bot{background:#007a5a}
.body{flex:1;min-width:0;overflow-wrap:anywhere}
.who{display:flex;gap:6px;align-items:baseline}
.time{text-decoration:none}
.app{background:#eee;color:#616061;font-size:10px;font-weight:700;border-radius:2px;padding:1px 3px}
p{margin:2px 0}
pre{background:#f8f8f8;border:1px solid #ddd;border-radius:4px;padding:8px;margin:4px 0;overflow:auto;
font:12px/1.5 Menlo,Consolas,"DejaVu Sans Mono",monospace;white-space:pre;overflow-wrap:normal}
code{background:#f8f8f8;border:1px solid #ddd;border-radius:3px;padding:1px 3px;color:#c01343;
font:12px Menlo,Consolas,"DejaVu Sans Mono",monospace}
blockquote{margin:2px 0;padding-left:12px;border-left:4px solid #ddd}
hr{border:0;border-top:1px solid #ddd}
a{color:#1264a3}
.mention{background:#e8f5fa;color:#1264a3;border-radius:3px;padding:0 2px}
.attachment{border-left:4px solid #ddd;padding-left:12px;margin:4px 0}
.fields{display:grid;grid-template-columns:1fr 1fr;gap:8px}
.button{border:1px solid #ccc;border-radius:4px;padding:4px 12px;font-weight:700}
.file{border:1px solid #ddd;border-radius:8px;padding:8px 12px;margin:6px 0;max-width:720px;overflow:auto}
.file small{display:block}
table{border-collapse:collapse;margin-top:6px;font-size:13px}
td{border:1px solid #ddd;padding:2px 8px;white-space:nowrap}
tr:first-child td{background:#f8f8f8;font-weight:600}
.reaction{background:#efefef;border-radius:12px;padding:2px 8px;margin-right:4px;font-size:12px}
.thread{border-left:2px solid #ddd;margin-top:4px}
.thread summary{color:#1264a3;font-weight:700;font-size:13px;padding-left:8px;cursor:pointer}
.thread article{padding:4px 8px}
.gone,.empty{color:#616061;font-style:italic}
.empty{padding:20px}
.edited{margin-right:6px}
@media(max-width:640px){body{display:block}nav{width:auto;display:flex;flex-wrap:wrap;gap:2px}nav>strong{width:100%}
.who{flex-wrap:wrap;overflow-wrap:normal}}
"""
