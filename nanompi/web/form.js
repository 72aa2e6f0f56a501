"use strict";
/* A new job: data, what to begin with, parameters with faults beside them, the job file, plan and start.
   The job file is the one truth: an edit of a field changes it on the server, and the fields are read from it. */
const alternatives = rule => (rule.anyOf || [rule]).filter(one => !(one.required || []).includes("sweep"));
const inner = rule => alternatives(rule).map(one => one.properties || (one.anyOf && inner(one))).find(Boolean);
const flatten = rule => rule.anyOf || rule.oneOf ? (rule.anyOf || rule.oneOf).flatMap(flatten) : [rule];
function kinds(rule) { // what a value may be
  const all = alternatives(rule).flatMap(flatten), types = all.flatMap(one => one.type || []);
  return { types, words: all.flatMap(one => one.enum || (one.const !== undefined ? [one.const] : [])), low: all.find(one => one.minimum !== undefined)?.minimum, above: all.find(one => one.exclusiveMinimum !== undefined)?.exclusiveMinimum, high: all.find(one => one.maximum !== undefined)?.maximum };
}
const asText = v => v === undefined ? "" : typeof v === "string" ? v : JSON.stringify(v);
const at = (values, path) => path.reduce((here, key) => here?.[key], values);

function field(name, rule, path, change, needed = false) {
  const id = `f-${path.join(".")}`, { types, words, low, above, high } = kinds(rule), unit = rule["x-unit"];
  const standard = rule.default === undefined ? "" : asText(rule.default) || "none";
  const only = words.length && !types.some(t => ["string", "number", "integer", "array"].includes(t));
  const choices = only ? words : types.includes("boolean") && types.every(t => t === "boolean") ? [true, false] : null;
  const input = choices ? make("select", {}, make("option", { value: "", textContent: standard ? `(${standard})` : "" }), ...choices.map(v => make("option", { value: String(v), textContent: String(v) })))
    : make("input", { placeholder: standard || (needed ? "needed" : ""), spellcheck: false, autocomplete: "off" });
  const limits = [low !== undefined && `from ${low}`, above !== undefined && `above ${above}`, high !== undefined && `to ${high}`].filter(Boolean).join(" ");
  const help = make("small", { id: `${id}-help`, textContent: [(rule.description || "").replace(/ \(a bare number is in .*\)$/, ""), limits, words.length && !only ? `or ${words.join(", ")}` : ""].filter(Boolean).join("; ") });
  const fault = make("small", { className: "fault", id: `${id}-fault`, role: "alert" });
  Object.assign(input, { id, onchange: () => change(path.join("."), input.value === "" ? null : input.value) });
  input.setAttribute("aria-describedby", `${id}-help ${id}-fault`);
  const label = make("label", { htmlFor: id }, (rule.title || name) + (unit ? " " : ""), unit ? make("small", { textContent: unit }) : "");
  const box = make("div", { className: "field" }, label, input, help, fault);
  const show = (values, text) => {
    const value = at(values, path);
    if (document.activeElement !== input) input.value = asText(value);
    box.classList.toggle("changed", value !== undefined);
    fault.textContent = text;
    input.toggleAttribute("aria-invalid", Boolean(text));
    if (text) { input.setAttribute("aria-invalid", "true"); for (let d = box.closest("details"); d; d = d.parentElement.closest("details")) d.open = true; }
  };
  return { box, path: path.join("."), level: rule["x-level"] || "basic", show };
}
function fieldsOf(properties, path, change, depth = 0) { // [{box, path, level, show}] of a section and of those inside it
  return Object.entries(properties).filter(([name]) => name !== "use").flatMap(([name, rule]) => {
    const own = inner(rule);
    if (!own) return [field(name, rule, [...path, name], change)];
    return depth > 3 ? [] : fieldsOf(own, [...path, name], change, depth + 1).map(f => ({ ...f, group: f.group || rule.title || name }));
  });
}
function section(heading, link, fields) {
  const [basic, expert] = ["basic", "expert"].map(level => fields.filter(f => (f.level === "expert") === (level === "expert")));
  const rows = list => list.flatMap((f, k) => f.group && f.group !== list[k - 1]?.group ? [make("h4", { textContent: f.group }), f.box] : [f.box]);
  const name = link ? make("a", { href: `#/methods/${encodeURIComponent(link)}`, target: "_blank", rel: "noopener", textContent: heading }) : heading;
  return make("div", { className: "step" }, make("h3", {}, name), ...rows(basic), expert.length ? make("details", {}, make("summary", { textContent: `${expert.length} more` }), ...rows(expert)) : "");
}

const SKETCHES = { // of what a first job is about, by the first part of the name of its last step; 48 by 32
  ptycho: "M16 8a8 8 0 1 0 .1 0M24 2a8 8 0 1 0 .1 0M32 8a8 8 0 1 0 .1 0M24 14a8 8 0 1 0 .1 0",
  cdi: "M14 10l12-4 10 6-2 12-14 4-8-8zM4 2h40v28h-40z",
  tomo: "M10 8a14 5 0 1 0 28 0a14 5 0 1 0-28 0v16a14 5 0 0 0 28 0v-16M10 16a14 5 0 0 0 28 0",
  xrf: "M3 29h42M5 28c3 0 4-4 6-4s3 4 6 2 3-22 6-22 3 22 6 22 2-10 4-10 3 11 8 11",
  xanes: "M3 27c12 0 17 0 19-2s1-20 5-20 3 7 7 7 3-3 6-3 3 1 5 1",
  xrd: "M21 16a3 3 0 1 0 6 0a3 3 0 1 0-6 0M15 16a9 9 0 1 0 18 0a9 9 0 1 0-18 0M9 16a15 15 0 1 0 30 0a15 15 0 1 0-30 0",
  stages: "M3 8h12v16h-12zM15 16h3M18 8h12v16h-12zM30 16h3M33 8h12v16h-12z",
  map: "M8 5h32M40 5v7M40 12h-32M8 12v7M8 19h32M40 19v7M40 26h-32",
};
function sketch(of) { // a small picture, drawn as its surroundings write
  const path = svg("path", { d: SKETCHES[of] || "" });
  return SKETCHES[of] ? svg("svg", { viewBox: "0 0 48 32", class: "sketch", "aria-hidden": "true" }, path) : "";
}

async function newPage(from) {
  stop();
  const mine = watching, [schema, begins] = await Promise.all([tree("schema"), tree("templates")]);
  if (mine !== watching) return;
  const job = { yaml: "", values: {}, faults: [] }, stepRules = schema.properties.steps.items.oneOf;
  const ruleOf = use => stepRules.find(one => one.properties?.use?.const === use);
  const text = make("textarea", { id: "job", spellcheck: false, onchange: () => update({}) });
  const said = make("div", { role: "status" }), params = make("div", { className: "card" }), result = make("div");
  const ranks = make("input", { type: "number", min: 1, max: 4096, value: 2, ariaLabel: "number of ranks" });
  const where = make("select", { ariaLabel: "where it runs", onchange: () => write(result) }, make("option", { value: "here", textContent: "on this machine" }), make("option", { value: "slurm", textContent: "by Slurm" }));
  const begin = button("start", start, { className: "main", disabled: true }); // until a job is there
  let drawn = "", fields = [], asked = 0, begun = 0, awaited = 0, opened = false;

  async function update(edits) { // the server checks, and gives text and values
    const turn = ++asked;
    const found = await tree("check", { yaml: text.value, edits, data: opened });
    if (turn !== asked || mine !== watching) return;
    Object.assign(job, found);
    text.value = found.yaml;
    draw();
  }
  function draw() {
    const steps = (job.values?.steps || []).map(one => typeof one === "string" ? one : one?.use || "");
    const shape = JSON.stringify([job.input, steps]);
    if (job.values && shape !== drawn) { drawn = shape; build(steps); }
    const faults = new Map(job.faults.map(one => [one.path, one.text])), known = new Set(fields.map(f => f.path));
    if (job.values) fields.forEach(f => f.show(job.values, faults.get(f.path) || ""));
    const rest = job.faults.filter(one => !known.has(one.path));
    const beside = job.faults.length - rest.length;
    write(said, ...rest.map(one => make("p", { className: "fault", textContent: `${one.line ? `line ${one.line}: ` : ""}${one.path ? `${one.path}: ` : ""}${one.text}` })),
      beside ? make("p", { className: "fault", textContent: `${beside} ${beside > 1 ? "parameters are" : "parameter is"} wrong, see there` }) : "", job.faults.length ? "" : make("p", { className: "good", textContent: "no faults" }), ...(job.notes || []).map(note => make("p", { className: "soft", textContent: note })));
    ready();
  }
  const ready = () => { begin.disabled = awaited > 0 || job.faults.length > 0; };
  async function meanwhile(act) { // nothing starts before the job file is that of the data on the page
    awaited += 1;
    ready();
    try { await act(); } finally { awaited -= 1; ready(); }
  }
  function build(steps) {
    const change = (path, value) => update({ [path]: value });
    const reads = rule => !rule["x-reader"] || !job.input || rule["x-reader"].includes(job.input);
    const own = rule => rule.anyOf?.find(one => one["x-reader"] && reads(one)) || rule; // several readers mean several things by it
    const ofReader = Object.fromEntries(Object.entries(schema.properties.input.properties).filter(([, rule]) => reads(rule)).map(([name, rule]) => [name, own(rule)]));
    const parts = [["data", "input", fieldsOf(ofReader, ["input"], change)], ...steps.map((use, k) => [use, use, fieldsOf(ruleOf(use)?.properties || {}, ["steps", String(k)], change)]), ["run", "run", fieldsOf(schema.properties.run.properties, ["run"], change)]];
    fields = parts.flatMap(([, , list]) => list);
    const name = field("name", { ...schema.properties.name, title: "name", "x-level": "basic" }, ["name"], change);
    fields.push(name);
    write(params, name.box, ...parts.filter(([, , list]) => list.length).map(([heading, link, list]) => section(heading, link, list)));
  }
  const use = (words, turn = ++begun, open = false) => meanwhile(async () => { // of two clicks the later one counts
    const found = await tree("template", words);
    if (turn !== begun || mine !== watching) return;
    text.value = found.yaml;
    opened = open;
    drawn = "";
    await update({});
  });

  /* data */
  const file = make("input", { id: "scan", placeholder: "/path/scan.h5", spellcheck: false, autocomplete: "off" });
  const list = make("ul", { className: "browser" }), seen = make("div"), images = make("div", { className: "grid3" });
  const tell = error => write(seen, make("pre", { className: "fault", textContent: error.message, tabIndex: 0, role: "alert" }));
  async function browse(folder) {
    try {
      const found = await tree(`browse?in=${encodeURIComponent(folder)}`), row = (name, act, className = "") => make("li", {}, button(name, act, { className }));
      write(list, found.above ? row("..", () => browse(found.above), "folder") : "", ...found.entries.map(one => one.folder ? row(`${one.name}/`, () => browse(`${found.folder}/${one.name}`), "folder") : row(`${one.name}   ${bytes(one.size)}`, () => { file.value = `${found.folder}/${one.name}`; inspect(); })));
      list.focus();
    } catch (error) { tell(error); }
  }
  const inspect = (turn = ++begun) => meanwhile(async () => {
    write(seen, make("p", { className: "soft", textContent: "reading ..." }));
    write(images);
    try {
      const answer = await ask("preview", { file: file.value }), facts = JSON.parse(answer.headers.get("x-facts")), all = await answer.arrayBuffer();
      if (turn !== begun || mine !== watching) return;
      write(seen, make("dl", { className: "facts" }, ...facts.lines.flatMap(([name, value]) => [make("dt", { textContent: name }), make("dd", { textContent: value })])), ...facts.notes.map(note => make("p", { className: "doubtful", textContent: note })));
      let start = 0;
      for (const one of facts.images) {
        const end = start + 4 * one.shape[0] * one.shape[1], figure = make("figure");
        images.append(figure);
        await view(figure, { ...one, src: all.slice(start, end) });
        start = end;
      }
      if (facts.points) { const figure = make("figure"); images.append(figure); points(figure, facts.points); }
      await use({ name: "", scan: facts.file }, turn);
    } catch (error) {
      if (error instanceof Refused || turn !== begun) return;
      tell(error);
      await use({ name: "", scan: file.value }, turn, true).catch(() => {}); // the job is of this file all the same: what it lacks is filled in there, and checks look into the file
    }
  });
  /* plan and start */
  const run = () => ({ yaml: text.value, ranks: +ranks.value });
  const show = (words, className = "") => write(result, make("div", { className: "card" }, make("pre", { className, textContent: words, tabIndex: 0, ariaLabel: "answer" })));
  const trying = act => async () => { show("a moment ..."); try { await act(); } catch (error) { if (!(error instanceof Refused)) show(error.message, "fault"); } };
  const plan = button("plan", trying(async () => show((await tree("plan", run())).text)));
  const script = button("script", trying(async () => show((await tree("start", { ...run(), where: "script" })).text)));
  async function start() {
    await meanwhile(trying(async () => {
      const { workflow, run: name } = await tree("start", { ...run(), where: where.value });
      location.hash = workflow ? `#/workflow/${coded(workflow)}` : `#/run/${coded(name)}`;
    }));
  }
  const row = make("div", { className: "path" }, file, button("inspect", () => inspect()), button("browse", () => browse("")));
  const choice = make("div", { className: "templates" }, ...begins.map(one => button("", () => use({ name: one.name, scan: "" }), { title: one.about })));
  begins.forEach((one, k) => choice.children[k].append(sketch(one.of), one.name));
  write(main, title(from ? `${from}, again with changes` : "New job"),
    make("div", { className: "card" }, make("h2", { className: "first" }, make("label", { htmlFor: "scan", textContent: "Data: a scan file" })), row, list, seen, images, make("h2", { textContent: "or begin with simulated data" }), choice),
    make("div", { className: "work" }, make("div", {}, make("h2", { textContent: "Parameters" }), params),
      make("div", { className: "side" }, make("h2", {}, make("label", { htmlFor: "job", textContent: "Job file" })), text, said, make("div", { className: "start" }, begin, ranks, "ranks", where, plan, script), result)));
  if (from) { text.value = (await tree(`run/${coded(from)}`)).job; await update({}); } else await use({ name: "far-field", scan: "" });
}
