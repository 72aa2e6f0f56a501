"use strict";
/* The pages of `nanompi serve`: login, runs, one run, several runs compared, methods. form.js has the new job.
   Texts of files only ever become text: nothing here makes elements of them. */
const main = document.getElementById("main");
const KEY = `nanompi-key ${location.pathname}`; // two servers behind one proxy are two pages
const LIVE = ["waiting", "starting", "reading", "working", "iterating", "writing"];
const coded = run => run.split("/").map(encodeURIComponent).join("/");
const alive = status => LIVE.includes(status.state);
const write = (element, ...inner) => { element.replaceChildren(...inner.filter(Boolean)); return element; };
const title = (text, ...inner) => make("div", { className: "heading" }, make("h1", { textContent: text }), ...inner);
const LOG_END = 40; // px from its end at which a log is followed
const button = (text, act, facts = {}) => make("button", { type: "button", textContent: text, onclick: act, ...facts });

class Refused extends Error {}

async function ask(path, body, tag) { // a Response; an error with the words of the server
  if (path !== "login" && !sessionStorage.getItem(KEY)) return loggedOut();
  const headers = { "x-nanompi-key": sessionStorage.getItem(KEY) || "" };
  if (body) headers["content-type"] = "application/json";
  if (tag) headers["if-none-match"] = tag;
  const answer = await fetch(`api/${path}`, { method: body ? "POST" : "GET", body: body && JSON.stringify(body), headers });
  if (answer.ok || answer.status === 304) return answer;
  const text = await answer.text();
  if (answer.status === 401 && path !== "login") return loggedOut();
  let found = { fault: text };
  try { found = JSON.parse(text); } catch { /* a line of text */ }
  throw Object.assign(new Error(found.fault), { detail: found.detail, status: answer.status });
}
function loggedOut() {
  loginPage("Log in with the link that nanompi serve has printed, or with its token:");
  throw new Refused("logged out");
}
const tree = async (path, body) => (await ask(path, body)).json();

/* ---- login: the token goes once, behind #, for a cookie and a key of this tab */
async function enter(token) {
  history.replaceState(null, "", `${location.pathname}#/`);
  try {
    sessionStorage.setItem(KEY, (await tree("login", { token })).key);
    await route();
  } catch (error) { loginPage(error.message); }
}
function loginPage(words) {
  stop();
  const token = make("input", { id: "token", autocomplete: "off", spellcheck: false });
  const label = make("label", { htmlFor: "token", textContent: words });
  const form = make("form", { onsubmit: e => { e.preventDefault(); enter(token.value.replace(/^.*#token=/, "").trim()); } }, token, make("button", { className: "main", textContent: "log in" }));
  write(main, make("div", { className: "card login" }, make("h1", { textContent: "Log in" }), label, form));
  token.focus();
}

/* ---- what is looked at every two seconds; 304 while nothing changed, nothing is held open */
let watching = 0;
const stop = () => { watching += 1; };
async function every(path, show) {
  const mine = ++watching;
  let tag = "";
  const look = async () => {
    const answer = await ask(path, null, tag);
    if (mine !== watching || answer.status === 304) return;
    tag = answer.headers.get("etag");
    await show(await answer.json());
  };
  await look();
  const again = async () => {
    if (mine !== watching) return;
    try { if (!document.hidden) await look(); offline(""); } catch (error) { if (!(error instanceof Refused)) offline(error.message); }
    setTimeout(again, 2000);
  };
  setTimeout(again, 2000);
}
function offline(words) { // the server has gone, or a run folder
  const old = document.getElementById("offline");
  if (!words) return old?.remove();
  if (!old) main.prepend(make("p", { id: "offline", className: "fault", role: "status", textContent: `No answer: ${words}` }));
}

/* ---- runs */
const picked = new Set();
const left = s => s < 60 ? `${Math.round(s)} s` : s < 3600 ? `${Math.round(s / 60)} min` : `${Math.floor(s / 3600)} h ${Math.round(s % 3600 / 60)} min`;
const when = text => text ? new Date(text).toLocaleString([], { dateStyle: "medium", timeStyle: "short" }) : "";
function stateOf(s) {
  const word = s.state === "done" && s.verdict ? s.verdict : s.state;
  const state = make("span", { className: `state ${word}`, textContent: s.state });
  return s.state === "done" && s.verdict ? [state, `, ${s.verdict}`] : s.slurm ? [state, ` (${s.slurm})`] : [state];
}
const counted = s => s.items_done !== undefined ? [s.items_done, s.items, s.items_are || "items"] : [s.iteration, s.iterations, s.engine || ""];
function bar(s) {
  const [now, all, word] = counted(s);
  return all ? make("progress", { max: all, value: now || 0, ariaLabel: `${word} ${now || 0} of ${all}` }) : "";
}
async function runsPage() {
  const search = make("input", { type: "search", placeholder: "filter", ariaLabel: "filter runs", value: keep.get("runs").filter || "" });
  const compare = button("compare", () => { location.hash = `#/compare/${[...picked].map(encodeURIComponent).join(",")}`; });
  const body = make("tbody"), shut = new Set();
  const names = [["", ""], ["run", ""], ["state", ""], ["progress", ""], ["misfit", "n wide"], ["R", "n wide"], ["left", "n"], ["ranks", "n wide"], ["begun", "wide"]];
  const head = make("thead", {}, make("tr", {}, ...names.map(([n, c]) => n ? make("th", { scope: "col", textContent: n, className: c }) : make("td"))));
  const card = make("div", { className: "card runs" });
  let rows = [], flows = [], folder = "";
  const cell = (inner, className = "") => make("td", { className }, ...[].concat(inner ?? ""));
  function line(r, sweep = "") {
    const box = make("input", { type: "checkbox", checked: picked.has(r.run), ariaLabel: `compare ${r.run}`, onchange: () => { box.checked ? picked.add(r.run) : picked.delete(r.run); counts(); } });
    const said = r.message || (r.verdict !== "good" && r.reason) || "";
    const link = make("a", { href: `#/run/${coded(r.run)}`, textContent: sweep ? r.run.slice(sweep.length + 1) : r.run });
    const [now, all] = counted(r);
    return make("tr", { className: sweep ? "of-sweep" : "" }, cell(box), cell(link, "run"), cell([...stateOf(r), said ? make("small", { className: "said", textContent: said, title: said }) : ""]),
      cell(alive(r) ? [bar(r), make("small", { textContent: all ? `${r.engine || r.step || ""} ${now || 0} of ${all}` : "" })] : ""),
      cell(r.llk?.toFixed(3), "n wide"), cell(r.R?.toFixed(4), "n wide"), cell(alive(r) && r.eta ? left(r.eta) : "", "n"), cell(r.ranks, "n wide"), cell(when(r.begun), "wide"));
  }
  const rest = n => Array.from({ length: n }, () => cell(""));
  const part = (w, word) => [make("progress", { max: w.items, value: w.done, ariaLabel: `${word}: ${w.done} of ${w.items} done` }), make("small", { textContent: shareOf(w) })];
  function treeOf(w) { // a workflow and its stages
    const open = !shut.has(w.workflow), link = make("a", { href: `#/workflow/${coded(w.workflow)}`, textContent: w.workflow });
    const fold = button(open ? "−" : "+", () => { open ? shut.add(w.workflow) : shut.delete(w.workflow); draw(); }, { className: "plain", ariaLabel: `${open ? "fold" : "unfold"} ${w.workflow}`, ariaExpanded: open });
    const head = make("tr", {}, cell(fold), cell(link, "run"), cell(stateOf(w)), cell(part(w, w.workflow)), ...rest(5));
    const stage = s => make("tr", { className: "of-sweep" }, cell(""), cell(s.name, "run"), cell([...stateOf(s), s.message ? make("small", { textContent: s.message }) : ""]), cell(part(s, `${w.workflow} ${s.name}`)), ...rest(5));
    return [head, ...(open ? w.stages.map(stage) : [])];
  }
  const counts = () => { compare.disabled = picked.size < 2; compare.textContent = picked.size > 1 ? `compare ${picked.size}` : "compare"; };
  function draw() {
    const focus = document.activeElement?.getAttribute("aria-label"), words = search.value.toLowerCase();
    keep.set("runs", { filter: search.value });
    const shown = rows.filter(r => `${r.run} ${r.state} ${r.verdict || ""}`.toLowerCase().includes(words));
    const groups = Map.groupBy ? Map.groupBy(shown, sweepOf) : shown.reduce((m, r) => m.set(sweepOf(r), [...(m.get(sweepOf(r)) || []), r]), new Map());
    const lines = [...groups].flatMap(([sweep, own]) => {
      if (!sweep) return own.map(r => line(r));
      const open = !shut.has(sweep), done = own.filter(r => r.state === "done").length;
      const fold = button(open ? "−" : "+", () => { open ? shut.add(sweep) : shut.delete(sweep); draw(); }, { className: "plain", ariaLabel: `${open ? "fold" : "unfold"} ${sweep}`, ariaExpanded: open });
      return [make("tr", {}, cell(fold), cell(make("a", { href: `#/workflow/${coded(sweep)}`, textContent: sweep }), "run"), cell(`sweep: ${done} of ${own.length} done`), ...Array.from({ length: 6 }, () => cell(""))), ...(open ? own.map(r => line(r, sweep)) : [])];
    });
    const trees = flows.filter(w => `${w.workflow} ${w.state}`.toLowerCase().includes(words)).flatMap(treeOf);
    write(body, ...trees, ...lines);
    if (focus) [...card.querySelectorAll("[aria-label]")].find(e => e.getAttribute("aria-label") === focus)?.focus();
    write(card, rows.length + flows.length ? make("table", {}, head, body) : make("p", { className: "empty", textContent: `No run in ${folder} yet: nanompi run job.yaml makes one.` }));
  }
  search.oninput = draw;
  write(main, title("Runs", search, compare), card);
  counts();
  await every("runs", found => { rows = found.runs; flows = found.workflows; folder = found.folder; may(found.jobs); draw(); });
}
const shareOf = w => [`${w.done} of ${w.items}`, w.failed ? `${w.failed} failed` : "", w.working ? `${w.working} at work` : ""].filter(Boolean).join(", ");
const sweepOf = r => r.run.match(/^(.*\/?sweep-\d+)\//)?.[1] || "";
function may(jobs) { document.querySelector("[data-page=new]").hidden = !jobs; }

/* ---- a workflow: its stages, the items of each as a strip of pictures */
async function workflowPage(name) {
  const head = make("div"), body = make("div");
  write(main, title(name), head, body);
  let pictures = {}, seen = "", drawn = 0, tries = 0;
  await every(`workflow/${coded(name)}`, async d => {
    const w = d.workflow, done = w.stages.map(s => s.done).join();
    const draw = () => {
      const focus = document.activeElement?.getAttribute("href");
      const sheet = pictures[" "]?.["contact.png"];
      write(body, ...w.stages.map(s => stageOf(name, s, pictures[s.name] || {})), ...(sheet ? [make("h2", { textContent: "Contact sheet" }), make("img", { className: "sheet", src: sheet, alt: "the images of all settings on a common scale" })] : []));
      if (focus) [...body.querySelectorAll("a")].find(a => a.getAttribute("href") === focus)?.focus();
    };
    may(d.jobs);
    write(head, ...workflowHead(w));
    draw();
    const working = w.stages.some(s => s.working), unseen = w.stages.some(s => !s.name) && !pictures[" "] && tries < 6;
    if (seen === done && !((working || unseen) && Date.now() - drawn > 1e4)) return; // what goes on, and the sheet that comes last
    seen = done; drawn = Date.now(); tries += !working;
    pictures = await tree(`strip/${coded(name)}`);
    draw();
  });
}
function workflowHead(w) {
  const line = make("p", { className: "now", role: "status" }, make("span", {}, ...stateOf(w)), make("span", {}, make("b", { textContent: `${w.done} of ${w.items}` }), " items"));
  const again = w.again ? make("div", { className: `verdict ${w.state === "done" ? "" : "wrong"}` }, make("p", { textContent: `${w.items - w.done} of ${w.items} items have no result. What is missing is taken up by:` }), make("pre", { tabIndex: 0, ariaLabel: "command", textContent: w.again })) : "";
  return [line, again, w.stages.length ? "" : make("p", { className: "fault", textContent: w.message })];
}
function standing(item) { // "ML 31/50, llk 1.020"
  const where = item.state !== "done" && item.iterations ? `${item.engine || ""} ${item.iteration || 0}/${item.iterations}` : "";
  const figure = ["llk", "R", "error"].find(k => item[k] !== undefined);
  return [where.trim(), figure ? `${figure} ${item[figure].toPrecision(4)}` : ""].filter(Boolean).join(", ");
}
function stageOf(name, s, pictures) {
  const n = s.items.length, needs = Object.entries(s.needs).map(([stage, share]) => `${+(100 * share).toPrecision(6)} % of ${stage}`).join(", ");
  const said = [needs && !s.message ? `It needs ${needs}.` : "", s.slurm ? `In the queue: ${s.slurm}.` : ""].filter(Boolean).join(" ");
  const tile = item => {
    const begun = item.state !== "waiting", run = [name, s.name, item.name].filter(Boolean).join("/"), inner = [pictures[item.name] ? make("img", { src: pictures[item.name], alt: "" }) : make("span", { className: "none", ariaHidden: "true" }), make("span", { textContent: item.name.replace(/^\d+-?/, "") || "result" })];
    const state = item.state === "done" ? "" : make("span", { className: `state ${item.state}`, textContent: item.state, title: item.message || "" });
    return make("li", {}, ...(begun ? [make("a", { href: `#/run/${coded(run)}` }, ...inner)] : inner), " ", make("small", { textContent: standing(item) }), " ", state);
  };
  const missing = s.items.filter(item => item.message && item.state !== "done").map(item => [item.name, item.code ? `${item.state} (${item.code})` : item.state, item.message]);
  const heading = make("h2", {}, `${s.name || "settings"} `, make("small", { className: `state ${s.state}`, textContent: s.state }), " ", make("small", { textContent: shareOf({ ...s, items: n }) }));
  return make("section", { className: "stage", ariaLabel: s.name || "settings" }, heading, make("progress", { max: n, value: s.done, ariaLabel: `${s.name || "settings"}: ${s.done} of ${n} done` }),
    ...[said ? make("p", { className: "soft", textContent: said }) : "", s.message ? make("p", { className: s.state === "failed" ? "fault" : "doubtful", textContent: `Not ${s.done ? "ended" : "begun"}: ${s.message}.` }) : "",
      make("ul", { className: n === 1 ? "strip one" : "strip" }, ...s.items.map(tile)), missing.length ? table(`${s.name}: without a result`, ["item", "state", "why"], missing.slice(0, 200)) : ""].filter(Boolean));
}

/* ---- one run */
async function runPage(run) {
  const [head, images, lines, facts, files, papers] = Array.from("......", () => "div").map(tag => make(tag));
  images.className = lines.className = facts.className = "grid2";
  const log = make("pre", { tabIndex: 0, ariaLabel: "log" }), warnings = make("ul", { className: "warnings" }), job = make("pre", { tabIndex: 0, ariaLabel: "job file" });
  const buttons = make("div", { className: "bar" }), more = make("details", {}, make("summary", { textContent: "job.yaml" }), make("div", { className: "card" }, job));
  const flow = run.match(/^(.*workflow-\d+)\/[^/]+\/[^/]+$/)?.[1];
  const above = flow && make("p", {}, "an item of ", make("a", { href: `#/workflow/${coded(flow)}`, textContent: flow }));
  write(main, title(run, buttons), above, head, images, lines, make("h2", { textContent: "Log" }), warnings, make("div", { className: "card" }, log), facts, make("h2", { textContent: "To take away" }), files, papers, more);
  let stamp = "";
  await every(`run/${coded(run)}`, async d => {
    may(d.jobs);
    write(head, ...headOf(d));
    write(buttons, ...steering(run, d));
    curvesOf(lines, d.curves);
    write(warnings, ...[...d.faults, ...d.warnings].map(text => make("li", { textContent: text })));
    const follow = log.scrollHeight - log.scrollTop - log.clientHeight < LOG_END || !log.textContent;
    log.textContent = d.log || "nothing was logged yet";
    if (follow) log.scrollTop = log.scrollHeight;
    job.textContent = d.job;
    write(facts, ...tables(d));
    write(files, ...takeAway(run, d));
    write(papers, ...cited(d.papers));
    if (stamp !== d.stamp) { stamp = d.stamp; await imagesOf(images, run, d.signals, d.stamp); }
  });
}
function headOf(d) {
  const s = d.status, [now, all, word] = counted(s), fact = (name, value) => value ? make("span", {}, `${name} `, make("b", { textContent: value })) : "";
  const line = make("p", { className: "now", role: "status" }, make("span", {}, ...stateOf(s)), all ? make("span", {}, `${word} `, make("b", { textContent: `${now || 0} of ${all}` })) : "",
    fact("misfit", s.llk?.toFixed(3)), fact("R", s.R?.toFixed(4)), alive(s) ? fact("", s.rate && `${s.rate.toPrecision(3)} per s`) : "", alive(s) ? fact("left", s.eta && left(s.eta)) : "", fact("ranks", s.ranks));
  const facts = make("p", { className: "now soft" }, ...d.facts.filter(([name]) => name !== "ranks").map(([name, value]) => fact(name, value)));
  const words = s.message || s.reason, judged = words ? make("div", { className: `verdict ${s.state === "failed" ? "wrong" : s.verdict || ""}` }, make("p", { textContent: words })) : "";
  return [line, alive(s) ? bar(s) : "", facts, judged];
}
function steering(run, d) {
  const tell = what => async e => { e.target.disabled = true; e.target.textContent = `${what}: asked`; await ask(`ask/${coded(run)}`, { what }); };
  const again = button("again with changes", () => { keep.set("again", {}); location.hash = `#/new/${coded(run)}`; });
  if (!d.jobs) return [];
  return alive(d.status) ? [button("checkpoint", tell("checkpoint")), button("stop", tell("stop")), again] : [again];
}
function curvesOf(place, plots) {
  write(place, ...plots.slice(0, 6).map(plot => { const figure = make("figure"); curves(figure, plot); return figure; }));
}
async function imageOf(run, name, mode = 0) {
  const answer = await ask(`image/${encodeURIComponent(name)}/${coded(run)}?mode=${mode}`), facts = JSON.parse(answer.headers.get("x-facts"));
  if ("plot" in facts) return facts;
  const values = await answer.arrayBuffer(), half = values.byteLength / 2;
  return { ...facts, src: facts.angle ? values.slice(0, half) : values, angle: facts.angle ? values.slice(half) : undefined };
}
async function picture(figure, image) { // an image, a curve or points
  if (!("plot" in image)) await view(figure, image);
  else if (image.plot) (image.plot.points ? points : curves)(figure, image.plot);
}
async function imagesOf(place, run, names) { // an image takes the place of its older self, so that nothing jumps
  const old = new Map([...place.children].map(figure => [figure.dataset.name, figure])), kept = [];
  const show = async (label, image) => {
    const figure = old.get(label) || make("figure");
    figure.dataset.name = label;
    kept.push(figure);
    if (!figure.isConnected) place.append(figure);
    await picture(figure, image);
  };
  const asked = (name, mode = 0) => name === undefined ? null : imageOf(run, name, mode).catch(error => ({ error }));
  let next = asked(names[0]); // the next is on its way while one is drawn
  for (const [k, name] of names.entries()) {
    for (let mode = 0, n = 1; mode < n; mode += 1) {
      const image = await next;
      n = Math.min(image.of ?? 1, 8);
      next = mode + 1 < n ? asked(name, mode + 1) : asked(names[k + 1]);
      if (!image.error) await show(`${name} ${mode}`, image);
      else if (image.error.status !== 422) throw image.error; // a curve, or the file is being renewed
    }
  }
  [...place.children].forEach(figure => kept.includes(figure) || figure.remove());
}
function table(caption, heads, rows) { // a column of numbers alone stands to the right
  const number = v => !v || /^[-\d.]+( \S+)?$/.test(v), right = heads.map((_, k) => k && rows.length && rows.every(row => number(row[k])));
  const cells = row => make("tr", {}, ...row.map((v, k) => make("td", { textContent: v ?? "", className: right[k] ? "n" : "" })));
  const names = heads.map((h, k) => make("th", { scope: "col", textContent: h, className: right[k] ? "n" : "" }));
  return make("div", { className: "card", tabIndex: 0, role: "region", ariaLabel: caption }, make("h2", { className: "first", textContent: caption }), make("table", {}, make("thead", {}, make("tr", {}, ...names)), make("tbody", {}, ...rows.map(cells))));
}
const bytes = n => n > 1e9 ? `${(n / 2 ** 30).toFixed(1)} GiB` : `${(n / 2 ** 20).toFixed(0)} MiB`;
function tables(d) {
  const cost = d.cost.map(one => [one.phase, `${one.worst.toFixed(2)} s`, one.rate && `${one.rate} GB/s`]);
  const ranks = d.ranks.slice(0, 16).map((r, k) => [String(k), r.host, r.device, r.frames ?? "", r.memory ? bytes(r.memory) : "", r.busy !== undefined ? `${Math.round(100 * r.busy)} %` : ""]);
  if (d.ranks.length > 16) ranks.push([`and ${d.ranks.length - 16} more`]);
  const differing = d.differing.map(one => [one.place, one.value, one.default]);
  return [differing.length && table("Parameters that differ from the defaults", ["parameter", "value", "default"], differing), cost.length && table("Time", ["phase", "slowest rank", "rate"], cost), ranks.length && table("Ranks", ["rank", "host", "device", "frames", "memory", "busy"], ranks)];
}
function cited(papers) {
  const link = address => address.startsWith("https://doi.org/") ? make("a", { href: address, rel: "noreferrer", textContent: address }) : "";
  return papers.length ? [make("h2", { textContent: "Please cite" }), make("ul", {}, ...papers.map(([text, address]) => make("li", {}, `${text} `, link(address))))] : [];
}
function takeAway(run, d) {
  const save = name => async () => {
    const answer = await ask(`file/${encodeURIComponent(name)}/${coded(run)}`), url = URL.createObjectURL(await answer.blob());
    make("a", { href: url, download: name }).click();
    URL.revokeObjectURL(url);
  };
  const list = make("ul", { className: "files" }, ...d.files.map(name => make("li", {}, button(name, save(name)))));
  const path = `${d.folder}/result.h5`, scp = make("p", { className: "soft" }, "The arrays: ", make("code", { textContent: d.stamp.startsWith("result") ? `scp ${d.status.host || "HOST"}:${path} .` : path }));
  return [make("div", { className: "card" }, list, scp)];
}

/* ---- several runs */
async function comparePage(names) {
  stop();
  const mine = watching, lines = make("div", { className: "grid2" }), place = make("div", { className: "below" });
  write(main, title(`${names.length} runs compared`), lines, place);
  const found = await Promise.all(names.map(name => tree(`run/${coded(name)}`)));
  const differ = await tree(`differences?${names.map(n => `run=${encodeURIComponent(n)}`).join("&")}`);
  if (mine !== watching) return;
  curvesOf(lines, differ.curves);
  const rows = differ.rows.map(({ path, values }) => [path, ...values]);
  place.append(rows.length ? table("Parameters that differ", ["parameter", ...names], rows) : make("p", { className: "soft", textContent: "Their parameters are the same." }));
  for (const name of [...new Set(found.flatMap(d => d.signals))]) {
    const grid = make("div", { className: "grid2" }), heading = make("h2", { textContent: name });
    for (const [k, d] of found.entries()) {
      if (!d.signals.includes(name)) continue;
      try {
        const image = await imageOf(names[k], name), figure = make("figure");
        if (mine !== watching) return;
        if (!grid.isConnected) place.append(heading, grid);
        grid.append(figure);
        await picture(figure, { ...image, name: `${names[k]} ${name}`, title: names[k] });
      } catch (error) { if (error.status !== 422) throw error; }
    }
  }
}

/* ---- methods */
const GOOD = new Set("A B BR CODE DD DIV DL DT EM H1 H2 H3 H4 I LI OL P PRE SECTION SMALL SPAN STRONG SUB SUP TABLE TBODY TD TH THEAD TR TT UL CITE".split(" "));
function clean(node) { // words, lists, tables and formulas of a text; nothing else of it
  if (node.nodeType === 3) return document.createTextNode(node.data);
  const math = node.namespaceURI === "http://www.w3.org/1998/Math/MathML";
  if (node.nodeType !== 1 || !(math || GOOD.has(node.nodeName.toUpperCase()))) return document.createTextNode("");
  const out = math ? document.createElementNS(node.namespaceURI, node.nodeName) : document.createElement(node.classList.contains("literal") && node.nodeName === "SPAN" ? "code" : { H3: "h2", H4: "h3" }[node.nodeName] || node.nodeName);
  if (/^https:\/\/doi\.org\//.test(node.getAttribute("href"))) out.setAttribute("href", node.getAttribute("href"));
  for (const name of ["display", "mathvariant", "stretchy"]) if (math && node.hasAttribute(name)) out.setAttribute(name, node.getAttribute(name));
  out.append(...[...node.childNodes].map(clean));
  return out;
}
async function methodsPage(name) {
  stop();
  const found = await tree(name ? `methods/${encodeURIComponent(name)}` : "methods");
  if (name) {
    const page = new DOMParser().parseFromString(found.html, "text/html");
    return write(main, title(name), make("p", {}, make("a", { href: "#/methods", textContent: "all methods" })), make("div", { className: "manual card" }, ...[...page.body.childNodes].map(clean)));
  }
  write(main, title("Methods"), ...found.kinds.flatMap(({ kind, names }) => [make("h2", { textContent: kind }), make("ul", { className: "list card" }, ...names.map(n => make("li", {}, make("a", { href: `#/methods/${encodeURIComponent(n)}`, textContent: n }))))]));
}
