"use strict";
/* Curves and points as SVG: used after basics.js. */
const svg = (tag, facts, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.entries(facts).forEach(([name, value]) => element.setAttribute(name, value));
  element.append(text);
  return element;
};

function ticks(low, high, most = 5, least = 0) { // round numbers from low to high, not closer than `least`
  const rough = Math.max(least, (high - low) / most) || 1, ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(n => n * ten).find(s => s >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9), n = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: n }, (_, k) => +((first + k) * step).toPrecision(12));
}
function decades(low, high) { // 1, 2, 5, 10 ... from low to high, or powers of ten where these are many
  const first = Math.floor(Math.log10(low)), n = Math.ceil(Math.log10(high)) - first + 1;
  const each = n > 4 ? [1] : [1, 2, 5];
  const all = Array.from({ length: n }, (_, k) => each.map(m => +(m * 10 ** (first + k)).toPrecision(3)));
  return all.flat().filter(v => v >= low && v <= high);
}

const W = 420, H = 240, L = 52, R = 10, T = 18, B = 40; // px of a plot, and of its rims

class Curves {
  constructor(element, { title, label = "", lines, marks = [], aim = null, gaps = false }) {
    Object.assign(this, { title, label, lines, marks, aim, gaps, from: null });
    const every = lines.flatMap(line => line.x);
    this.whole = [every.reduce((a, b) => Math.min(a, b)), every.reduce((a, b) => Math.max(a, b))];
    this.range = this.whole;
    this.least = every.every(Number.isInteger) ? 1 : 0;
    const ends = lines.map(({ name, y }) => `${name} ends at ${short(y.findLast(v => v !== null) ?? NaN)}`);
    this.picture = svg("svg", {
      viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${title}: ${ends.join(", ")}` });
    this.said = make("output", { className: "said", ariaLive: "off" });
    const keys = lines.length < 2 ? [] : lines.map(({ name }, k) =>
      make("span", { className: `key l${k % 6}`, textContent: name }));
    const caption = make("figcaption", { textContent: title });
    element.replaceChildren(caption, this.picture, make("div", {}, ...keys), this.said);
    this.listen();
    this.draw();
  }

  X(v) { return L + (v - this.range[0]) / (this.range[1] - this.range[0] || 1) * (W - L - R); }

  inside(x) { return x >= this.range[0] && x <= this.range[1]; }

  draw() {
    const known = this.lines.flatMap(({ x, y }) => y.filter((v, i) => v !== null && this.inside(x[i])));
    if (this.aim !== null) known.push(this.aim);
    if (!known.length) return;
    const low = known.reduce((a, b) => Math.min(a, b)), high = known.reduce((a, b) => Math.max(a, b));
    const log = low > 0 && high > 20 * low, f = log ? Math.log10 : v => v;
    const room = 0.05 * (f(high) - f(low)) || 0.1 * Math.abs(f(low)) || 0.1;
    const Y = v => H - B - (f(v) - f(low) + room) / (f(high) - f(low) + 2 * room) * (H - B - T);
    this.picture.replaceChildren(...this.grid(log ? decades(low, high) : ticks(low, high), Y));
    if (this.aim !== null)
      this.picture.append(svg("line", { x1: L, x2: W - R, y1: Y(this.aim), y2: Y(this.aim), class: "aim" }));
    this.lines.forEach(({ x, y }, k) => {
      const place = (v, i) => `${this.X(v).toFixed(1)} ${Y(y[i]).toFixed(1)}`;
      const some = x.map((v, i) => this.inside(v) && y[i] !== null ? place(v, i) : "");
      const dots = some.filter(Boolean), spots = dots.map(dot => `M${dot}h0`).join("");
      const d = this.gaps ? some.map((dot, i) => dot && `${some[i - 1] ? "L" : "M"}${dot}h0`).join("")
        : dots.length ? `M${dots.join("L")}` : "";
      this.picture.append(svg("path", { d, class: `line l${k % 6}` }));
      if (dots.length < 15) this.picture.append(svg("path", { d: spots, class: `line spots l${k % 6}` }));
    });
  }

  grid(levels, Y) { // lines and numbers of both axes, and marks
    const middle = { "text-anchor": "middle" };
    const out = [svg("text", { x: (L + W - R) / 2, y: H - 4, ...middle }, this.label)];
    for (const v of levels) {
      out.push(svg("line", { x1: L, x2: W - R, y1: Y(v), y2: Y(v), class: "grid" }));
      out.push(svg("text", { x: L - 8, y: Y(v) + 4, "text-anchor": "end" }, short(v, 3)));
    }
    for (const v of ticks(...this.range, 6, this.least))
      out.push(svg("text", { x: this.X(v), y: H - B + 18, ...middle }, short(v, 6)));
    for (const [x, word] of this.marks.filter(([x]) => this.inside(x))) {
      out.push(svg("line", { x1: this.X(x), x2: this.X(x), y1: T - 4, y2: H - B, class: "mark" }));
      out.push(svg("text", { x: this.X(x) + 4, y: T + 6 }, word));
    }
    return out;
  }

  where(e) { // the place along x
    const r = this.picture.getBoundingClientRect();
    const part = ((e.clientX - r.left) / r.width * W - L) / (W - L - R);
    return this.range[0] + part * (this.range[1] - this.range[0]);
  }

  tell(at) { // the values nearest to a place
    const near = ({ x, y }) => x.reduce((best, v, i) =>
      y[i] !== null && (best < 0 || Math.abs(v - at) < Math.abs(x[best] - at)) ? i : best, -1);
    const found = this.lines.map(line => [line, near(line)]).filter(([, i]) => i >= 0);
    const words = ([{ name, x, y }, i]) => `${name} ${short(y[i], 5)} at ${short(x[i], 6)}`.trim();
    this.said.textContent = found.map(words).join(", ");
  }

  listen() { // a drag shows a part, a double click all
    const { picture } = this;
    picture.onpointermove = e => this.tell(this.where(e));
    picture.onpointerdown = e => { this.from = this.where(e); };
    picture.onpointerup = e => {
      const to = this.where(e), ends = [Math.min(this.from, to), Math.max(this.from, to)];
      if (this.from !== null && this.X(ends[1]) - this.X(ends[0]) > 10)
        this.range = [Math.max(this.whole[0], ends[0]), Math.min(this.whole[1], ends[1])];
      this.from = null;
      this.draw();
    };
    picture.ondblclick = () => { this.range = this.whole; this.draw(); };
  }
}

/* {title, label, lines: [{name, x: [...], y: [... or null]}], marks: [[x, word]], aim,
   gaps: is a line interrupted where y is null?} */
const curves = (element, facts) => new Curves(element, facts);

function scaleOf({ low, high }) { // which colour is which value
  const strip = make("canvas", { className: "colours", width: 256, height: 1 }), table = colours("viridis");
  const pen = strip.getContext("2d"), drawn = pen.createImageData(256, 1);
  for (let i = 0; i < 1024; i++) drawn.data[i] = i % 4 === 3 ? 255 : table[3 * (i >> 2) + i % 4];
  pen.putImageData(drawn, 0, 0);
  const ends = [low, high].map(v => make("small", { textContent: short(v) }));
  return make("div", { className: "limits" }, ends[0], strip, ends[1]);
}

/* {title, unit, points: [[x, y] ...], values: [0 to 1 ...] or null, scale: {low, high, label} of the values or
   null, ends: [[x, y] ...] or null} */
function points(element, { title, unit, points: all, values, scale, ends }) {
  const S = 440, both = ends ? all.concat(ends) : all;
  const span = k => [Math.min(...both.map(p => p[k])), Math.max(...both.map(p => p[k]))];
  const [[left, right], [top, foot]] = [span(0), span(1)], size = Math.max(right - left, foot - top) || 1;
  const first = [(left + right - size) / 2, (top + foot - size) / 2];
  const at = p => p.map((v, k) => +(20 + (v - first[k]) / size * (S - 40)).toFixed(1));
  const label = `${title}: ${all.length}`;
  const picture = svg("svg", { viewBox: `0 0 ${S} ${S}`, role: "img", "aria-label": label });
  const table = colours("viridis"), r = ends ? 1.5 : clip(0.3 * (S - 40) / Math.sqrt(all.length), 1.5, 6);
  all.forEach((p, i) => {
    const [cx, cy] = at(p), q = values ? 3 * Math.round(255 * clip(values[i] ?? 0, 0, 1)) : -1;
    const fill = q < 0 ? {} : { fill: `rgb(${table.slice(q, q + 3).join()})` };
    const [x2, y2] = ends ? at(ends[i]) : [cx, cy];
    if (ends) picture.append(svg("line", { x1: cx, y1: cy, x2, y2, class: "l0" }));
    picture.append(svg("circle", { cx, cy, r, class: q < 0 ? "dot plain" : "dot", ...fill }));
  });
  const wide = `${short(right - left)} x ${short(foot - top)} ${unit}`;
  const words = [scale?.label, wide].filter(Boolean).join("; ");
  const under = [scale ? scaleOf(scale) : "", make("small", { textContent: words })].filter(Boolean);
  element.replaceChildren(make("figcaption", {}, title), picture, ...under);
}
