"""How the pages look."""

STYLE = """
* { box-sizing: border-box }
body { margin: 0; height: 100vh; display: flex; flex-direction: column; color: #202124; background: #f9fbfd;
  font: 13px Arial, Helvetica, sans-serif }
a { color: #0b57d0; text-decoration: none }
a:hover { text-decoration: underline }
header { display: flex; align-items: center; gap: 12px; padding: 10px 16px }
header h1 { font-size: 18px; font-weight: normal; margin: 0 }
header span { color: #5f6368 }
.logo { width: 24px; height: 32px; border-radius: 3px; background: #0f9d58;
  background-repeat: no-repeat; background-size: 12px 2px;
  background-image: linear-gradient(#fff, #fff), linear-gradient(#fff, #fff), linear-gradient(#fff, #fff);
  background-position: 6px 12px, 6px 17px, 6px 22px }
main { flex: 1; overflow: auto; background: #fff; border-top: 1px solid #e0e3e7 }
section { display: none }
section:target, main:not(:has(section:target)) section:first-of-type { display: block }
.more { margin: 0; padding: 6px 16px; background: #fef7e0; position: sticky; left: 0 }
.grid { border-collapse: separate; border-spacing: 0; table-layout: fixed; width: max-content }
.corner { width: 46px }
.grid th { background: #f8f9fa; color: #444746; font-weight: normal; font-size: 11px; border: solid #c4c7c5;
  border-width: 0 1px 1px 0; height: 21px; padding: 0; position: sticky; left: 0; z-index: 1 }
.grid thead th { top: 0; z-index: 2 }
.grid thead th:first-child { z-index: 3 }
.grid td { border: solid #e1e3e1; border-width: 0 1px 1px 0; height: 21px; padding: 1px 3px; overflow: hidden;
  white-space: pre; vertical-align: bottom; text-overflow: clip }
.grid td.n { text-align: right }
.grid td.b { text-align: center }
.grid td.note { background-image: linear-gradient(225deg, #f29900 5px, transparent 5px) }
nav { display: flex; overflow-x: auto; border-top: 1px solid #e0e3e7; padding-left: 46px; min-height: 38px }
nav a { padding: 11px 18px; color: #444746; white-space: nowrap; border-right: 1px solid #e0e3e7 }
nav a:hover { background: #e9eef6; text-decoration: none }
.list { max-width: 1000px; width: 100%; margin: 24px auto; padding: 0 16px }
.list h1 { font-size: 22px; font-weight: normal }
.list h2 { font-size: 14px; color: #5f6368; margin: 28px 0 8px }
.list table { width: 100%; border-collapse: collapse; background: #fff; border: 1px solid #e0e3e7 }
.list th, .list td { text-align: left; padding: 9px 12px; border-bottom: 1px solid #e0e3e7 }
.list th { font-weight: normal; color: #5f6368 }
.none { color: #5f6368 }
"""
