/* The style and the script of the page. */
#include "sections.h"

static const char *const style[] = {
    ":root{--bg:#fff;--fg:#1b1f24;--quiet:#57606a;--line:#d5dae0;--soft:#f3f5f7;--link:#0a58a8;",
    "--c0:#0b62a8;--c1:#b8430b;--c2:#00755a;--c3:#84399a;--c4:#8a6100;--c5:#4d5566;",
    "--good:#00755a;--bad:#b8430b;--warn:#fff4d6;--warnline:#c9960c;color-scheme:light dark}",
    "@media(prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e5e9ee;--quiet:#a2abb6;--line:#363d46;--soft:"
    "#1e2329;",
    "--link:#7fb8ff;--c0:#6cb6ff;--c1:#ff9d6b;--c2:#4fd1a5;--c3:#d7a2ea;--c4:#e6c25c;--c5:#aab2c0;",
    "--good:#4fd1a5;--bad:#ff9d6b;--warn:#33290f;--warnline:#b78a1b}}",
    "*{box-sizing:border-box}html{scroll-behavior:smooth}",
    "body{margin:0 auto;padding:1.5rem 1.25rem 4rem;max-width:72rem;background:var(--bg);color:var(--fg);",
    "font:16px/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto "
    "Sans',sans-serif;overflow-wrap:break-word}",
    "h1{font-size:clamp(1.6rem,4.5vw,2.3rem);line-height:1.15;letter-spacing:-.02em;margin:.2em 0 .6em}",
    "h2{font-size:1.35rem;letter-spacing:-.01em;margin:0 0 .5rem}h3{font-size:1.05rem;margin:1.4rem 0 .5rem}",
    "h4{font-size:.9rem;margin:0 0 .3rem;font-weight:600}p{margin:.4rem 0 .8rem;max-width:46rem}",
    "a{color:var(--link)}code{font:.86em ui-monospace,'DejaVu Sans "
    "Mono',Menlo,monospace}small{color:var(--quiet)}",
    "nav{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;padding:.7rem 0;margin:1rem 0 0;border-block:1px solid "
    "var(--line);",
    "font-size:.92rem}nav a{text-decoration:none}nav a:hover{text-decoration:underline}",
    "section{margin-top:2.6rem}.statement{padding:.6rem .9rem;background:var(--soft);border-left:4px solid "
    "var(--c0);",
    "border-radius:3px;max-width:none}.runs{color:var(--quiet);font-size:.86rem;max-width:none}",
    ".notes{margin:1rem 0;padding:.6rem .9rem .6rem 2rem;background:var(--warn);border-left:4px solid "
    "var(--warnline);",
    "border-radius:3px;font-size:.92rem}",
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.8rem;margin:1.2rem 0}",
    ".card{border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem}.card "
    "dt{color:var(--quiet);font-size:.88rem}",
    ".card dd{margin:0}.card b{font-size:2.1rem;line-height:1.25;font-weight:650;letter-spacing:-.02em;",
    "font-variant-numeric:tabular-nums}.card span{display:block;color:var(--quiet);font-size:.86rem}",
    ".scroll{overflow-x:auto;margin:.6rem 0 1rem}table{border-collapse:collapse;font-size:.92rem;",
    "font-variant-numeric:tabular-nums}caption{caption-side:bottom;text-align:left;color:var(--quiet);font-"
    "size:.84rem;",
    "padding:.5rem 0;max-width:60rem}th,td{padding:.36rem .7rem;border-bottom:1px solid "
    "var(--line);text-align:left;",
    "vertical-align:middle}thead th{vertical-align:bottom;font-size:.84rem;border-bottom:2px solid "
    "var(--line);",
    "line-height:1.3}tbody th{font-weight:500}.num{text-align:right;white-space:nowrap}td.num "
    "small{white-space:nowrap}",
    ".paper{color:var(--quiet)}.quiet{position:absolute;clip-path:inset(50%);width:1px;height:1px;overflow:"
    "hidden}",
    "#results th[scope=row]{white-space:nowrap;font-weight:600}.differs{background:var(--soft)}",
    ".differs th{box-shadow:inset 3px 0 var(--c1)}#keys td,#origins "
    "td{overflow-wrap:anywhere;min-width:7rem}",
    "#origins td,#origins th,#cost th{font-size:.84rem;max-width:20rem}",
    ".swatch{display:inline-block;width:.7em;height:.7em;border-radius:2px;margin-right:.45em;background:"
    "currentColor}",
    ".c0{color:var(--c0)}.c1{color:var(--c1)}.c2{color:var(--c2)}.c3{color:var(--c3)}.c4{color:var(--c4)}",
    ".c5{color:var(--c5)}",
    "details{border:1px solid var(--line);border-radius:8px;padding:0 1rem;margin:.8rem 0}",
    "details[open]{padding-bottom:.8rem}summary{cursor:pointer;padding:.65rem 0;font-weight:600}",
    ".charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,21rem),1fr));gap:1rem;margin:"
    ".6rem 0}",
    "figure{margin:0}.chart{max-width:34rem}.chart svg{display:block;width:100%;height:auto}",
    "svg text{font:11.5px system-ui,-apple-system,'Segoe UI',Roboto,'Noto "
    "Sans',sans-serif;fill:var(--quiet)}",
    ".grid{stroke:var(--line);fill:none}.axis{stroke:var(--quiet);fill:none}",
    ".line{fill:none;stroke:currentColor;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.dot{fill:"
    "currentColor}",
    "figcaption{font-size:.88rem}.key{display:flex;flex-wrap:wrap;gap:.1rem .9rem;color:var(--quiet)}",
    ".key "
    "i{display:inline-block;width:1.1em;height:.22em;background:currentColor;vertical-align:middle;margin-"
    "right:.4em}",
    ".interval{display:block;width:11rem;height:1.4rem}.bars{min-width:11rem}.bars "
    "span{float:right;width:3.2em;",
    "text-align:right}.bars .bar{float:left;width:calc(100% - 3.6em);margin-top:.4em}",
    ".bar{position:relative;height:.75em;background:var(--soft);border-radius:2px;min-width:4rem}",
    ".bar i{position:absolute;inset:0 auto 0 0;background:currentColor;border-radius:2px;min-width:1px}",
    ".bar s{position:absolute;top:-.2em;bottom:-.2em;width:2px;margin-left:-1px;background:var(--fg);",
    "outline:1px solid var(--bg)}.classes{width:100%}.classes tbody th{min-width:8rem}",
    ".matrix{display:block;max-width:none;height:auto}.ground{fill:var(--soft)}.hit{fill:var(--c0)}.miss{"
    "fill:var(--c1)}",
    ".matrix text.on{fill:var(--bg)}.matrix text.off{fill:var(--fg)}",
    ".confusions{padding-left:1.4rem;display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,"
    "25rem),1fr));",
    "gap:.6rem 1.6rem}.strip{display:flex;flex-wrap:wrap;gap:4px;margin:.3rem 0}",
    ".strip img,.strip "
    ".nopic{width:72px;height:72px}img,.nopic{object-fit:cover;border-radius:4px;background:var(--soft);",
    "display:inline-block}.nopic{border:1px dashed var(--line)}.shots{margin:.7rem 0}",
    ".pictures{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr));gap:.9rem}",
    ".picture{display:flex;gap:.8rem;border:1px solid "
    "var(--line);border-radius:8px;padding:.6rem;align-items:flex-start}",
    ".picture img,.picture .nopic{width:104px;height:104px;flex:none}.picture figcaption{flex:1;min-width:0}",
    ".steps{list-style:none;margin:.2rem 0 0;padding:0;font-size:.82rem}.steps li{margin:.2rem 0}",
    ".right{color:var(--good)}.wrong{color:var(--bad)}.steps span{color:var(--fg)}.steps .bar{height:.4em}",
    "th button{all:unset;cursor:pointer;font:inherit}th button::after{content:' ↕';color:var(--quiet)}",
    "th[aria-sort=ascending] button::after{content:' ↑'}th[aria-sort=descending] button::after{content:' ↓'}",
    "th button:focus-visible,summary:focus-visible,a:focus-visible,input:focus-visible{outline:2px solid "
    "var(--link);",
    "outline-offset:2px}.filter input{font:inherit;padding:.35rem .6rem;border:1px solid "
    "var(--quiet);border-radius:6px;",
    "background:var(--bg);color:var(--fg);width:min(100%,22rem)}.filter "
    "output{margin-left:.6rem;color:var(--quiet);",
    "font-size:.88rem}[hidden]{display:none!important}footer{margin-top:3rem;color:var(--quiet);font-size:."
    "86rem}",
    "@media(max-width:40rem){body{padding:1rem .9rem 3rem}th,td{padding:.32rem .45rem}details{padding:0 "
    ".7rem}}",
    "@media print{nav,.filter{display:none}body{max-width:none}}",
};

/* Columns sort by data-v, else by their number or text; the filter hides what has another class. */
static const char *const script[] = {
    "'use strict';",
    "function key(row,i){const c=row.cells[i],v=c.dataset.v===undefined?c.textContent.trim():c.dataset.v;",
    "const n=parseFloat(v.replace('\\u2212','-'));return isNaN(n)?v:n;}",
    "function sort(table,i,th){const down=th.getAttribute('aria-sort')!=='descending',body=table.tBodies[0];",
    "const rows=[...body.rows].sort((a,b)=>{const x=key(a,i),y=key(b,i);",
    "const d=typeof x==='number'&&typeof y==='number'?x-y:String(x).localeCompare(String(y));return "
    "down?-d:d;});",
    "for(const o of table.tHead.rows[0].cells)o.removeAttribute('aria-sort');",
    "th.setAttribute('aria-sort',down?'descending':'ascending');body.append(...rows);}",
    "for(const table of "
    "document.querySelectorAll('table.sortable'))[...table.tHead.rows[0].cells].forEach((th,i)=>{",
    "const b=document.createElement('button');b.type='button';b.append(...th.childNodes);th.append(b);",
    "b.addEventListener('click',()=>sort(table,i,th));});",
    "for(const box of document.querySelectorAll('.filter')){const input=document.createElement('input'),",
    "out=document.createElement('output');input.type='search';input.placeholder='Filter by class';",
    "input.setAttribute('aria-label','Filter classes and pictures by the name of the "
    "class');box.append(input,out);",
    "input.addEventListener('input',()=>{const q=input.value.trim().toLowerCase();let n=0;",
    "for(const e of "
    "document.querySelectorAll('[data-class]')){e.hidden=q!==''&&!e.dataset.class.toLowerCase().includes(q);",
    "if(!e.hidden&&e.tagName==='TR')n++;}out.textContent=q===''?'':n+' rows; pictures below are filtered, "
    "too';});}",
};

void style_write(struct str *out)
{
    for (size_t i = 0; i < sizeof style / sizeof style[0]; i++) {
        str_append(out, style[i]);
        str_append(out, "\n");
    }
}

void script_write(struct str *out)
{
    for (size_t i = 0; i < sizeof script / sizeof script[0]; i++) {
        str_append(out, script[i]);
        str_append(out, "\n");
    }
}
