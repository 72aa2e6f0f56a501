"use strict";
/* Curves and points as SVG: used with view.js. */
const svg = (tag, facts, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(facts).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(text);
  return element;
};
function ticks(low, high, most = 5) { // round numbers from low to high
  const rough = (high - low) / most || 1, ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(n => n * ten).find(s => s >= rough * 0.999);
  return Array.from({ length: Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1 },
    (_, k) => +((Math.ceil(low / step - 1e-9) + k) * step).toPrecision(12));
}

function decades(low, high) { // 1, 2, 5, 10 ... from low to high, or powers of ten alone where these are many
  const first = Math.floor(Math.log10(low)), n = Math.ceil(Math.log10(high)) - first + 1;
  const all = Array.from({ length: n }, (_, k) => (n > 4 ? [1] : [1, 2, 5]).map(m => +(m * 10 ** (first + k)).toPrecision(3))).flat();
  return all.filter(v => v >= low && v <= high);
}

/* {title, label, lines: [{name, x: [...], y: [... or null]}], marks: [[x, word]], aim}; a drag shows a part, a double click all */
function curves(element, { title, label = "", lines, marks = [], aim = null }) {
  const W = 420, H = 240, L = 52, R = 10, T = 18, B = 40, every = lines.flatMap(line => line.x);
  const whole = [Math.min(...every), Math.max(...every)];
  let range = whole, from = null;
  const picture = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img" }), said = make("output", { className: "said" });
  const keys = lines.length > 1 ? lines.map((line, k) => make("span", { className: `key l${k % 6}`, textContent: line.name })) : [];
  element.replaceChildren(make("figcaption", { textContent: title }), picture, make("div", {}, ...keys), said);
  const X = v => L + (v - range[0]) / (range[1] - range[0] || 1) * (W - L - R);
  const ends = lines.map(({ name, y }) => `${name} ends at ${short(y.findLast(v => v !== null) ?? NaN)}`).join(", ");
  picture.setAttribute("aria-label", `${title}: ${ends}`);
  const inside = x => x >= range[0] && x <= range[1];
  function draw() {
    const known = lines.flatMap(({ x, y }) => y.filter((v, i) => v !== null && inside(x[i]))).concat(aim ?? []);
    if (!known.length) return;
    const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
    const log = low > 0 && high > 20 * low, f = log ? Math.log10 : v => v, room = 0.05 * (f(high) - f(low)) || 0.1 * Math.abs(f(low)) || 0.1;
    const Y = v => H - B - (f(v) - f(low) + room) / (f(high) - f(low) + 2 * room) * (H - B - T);
    const levels = log ? decades(low, high) : ticks(low, high, 4);
    picture.replaceChildren(...levels.flatMap(v => [svg("line", { x1: L, x2: W - R, y1: Y(v), y2: Y(v), class: "grid" }),
      svg("text", { x: L - 8, y: Y(v) + 4, "text-anchor": "end" }, short(v, 3))]),
    ...ticks(...range, 6).map(v => svg("text", { x: X(v), y: H - B + 18, "text-anchor": "middle" }, short(v, 6))),
    svg("text", { x: (L + W - R) / 2, y: H - 4, "text-anchor": "middle" }, label));
    marks.filter(([x]) => inside(x)).forEach(([x, word]) => picture.append(
      svg("line", { x1: X(x), x2: X(x), y1: T - 4, y2: H - B, class: "mark" }), svg("text", { x: X(x) + 4, y: T + 6 }, word)));
    if (aim !== null) picture.append(svg("line", { x1: L, x2: W - R, y1: Y(aim), y2: Y(aim), class: "aim" }));
    lines.forEach(({ x, y }, k) => {
      const dots = x.map((v, i) => inside(v) && y[i] !== null ? `${X(v).toFixed(1)} ${Y(y[i]).toFixed(1)}` : "").filter(Boolean);
      picture.append(svg("path", { d: dots.length > 1 ? `M${dots.join("L")}` : dots.length ? `M${dots[0]}h2` : "", class: `line l${k % 6}` }));
    });
  }
  const where = e => { const r = picture.getBoundingClientRect(); return range[0] + ((e.clientX - r.left) / r.width * W - L) / (W - L - R) * (range[1] - range[0]); };
  picture.onpointerdown = e => { from = where(e); };
  picture.onpointerup = e => {
    const to = where(e);
    if (from !== null && Math.abs(X(to) - X(from)) > 10) range = [Math.max(whole[0], Math.min(from, to)), Math.min(whole[1], Math.max(from, to))];
    from = null;
    draw();
  };
  picture.ondblclick = () => { range = whole; draw(); };
  picture.onpointermove = e => {
    const at = where(e), near = ({ x, y }) => x.reduce((best, v, i) => y[i] !== null && (best < 0 || Math.abs(v - at) < Math.abs(x[best] - at)) ? i : best, -1);
    said.textContent = lines.map(line => [line, near(line)]).filter(([, i]) => i >= 0)
      .map(([{ name, x, y }, i]) => `${name} ${short(y[i], 5)} at ${short(x[i], 6)}`).join(", ");
  };
  draw();
}

/* {title, unit, points: [[x, y] ...], values: [... 0 to 1] or null, ends: [[x, y] ...] or null}: y grows downwards */
function points(element, { title, unit, points: all, values, ends }) {
  const both = ends ? all.concat(ends) : all, span = k => [Math.min(...both.map(p => p[k])), Math.max(...both.map(p => p[k]))];
  const [[left, right], [top, foot]] = [span(0), span(1)], size = Math.max(right - left, foot - top) || 1, S = 440;
  const table = colours("viridis"), at = ([x, y]) => [20 + (x - (left + right - size) / 2) / size * (S - 40), 20 + (y - (top + foot - size) / 2) / size * (S - 40)];
  const picture = svg("svg", { viewBox: `0 0 ${S} ${S}`, role: "img", "aria-label": `${title}, ${all.length} of them` });
  const radius = clip(0.3 * (S - 40) / Math.sqrt(all.length || 1), 1.5, 6);
  all.forEach((p, i) => {
    const [x, y] = at(p), q = values ? 3 * Math.round(255 * clip(values[i], 0, 1)) : -1;
    const fill = q < 0 ? {} : { fill: `rgb(${table[q]},${table[q + 1]},${table[q + 2]})` };
    if (ends) { const [u, v] = at(ends[i]); picture.append(svg("line", { x1: x, y1: y, x2: u, y2: v, class: "l0" })); }
    picture.append(svg("circle", { cx: x.toFixed(1), cy: y.toFixed(1), r: ends ? 1.5 : radius, class: "dot", ...fill }));
  });
  element.replaceChildren(make("figcaption", {}, title), picture,
    make("output", { className: "said", textContent: `${short(right - left)} x ${short(foot - top)} ${unit}` }));
}
