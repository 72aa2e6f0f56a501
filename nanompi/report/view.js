"use strict";
/* Images with zoom, limits, colours, the value under the cursor and the values along a line: report.html and
   `serve` use it, with basics.js and curves.js. view(element, {...}) takes what `Frame.described` of frames.py
   gives; src is a PNG of 16 bits a value with its `range`, or an ArrayBuffer of float32 with its `shape`; so
   `angle` of a complex field, and `errors`. Views of one `group` show the same part of their images, and the
   same line. */
async function view(element, data) {
  const { values, shape } = await pixels(data.src, data.range, data.shape);
  const decoded = name => pixels(data[name], data[`${name}_range`], data.shape);
  const more = async name => data[name] && (await decoded(name)).values;
  return new ImageView(element, data, values, shape, await more("angle"), await more("errors"));
}

const GROUPS = new Map(); // name -> what its views have in common: zoom, middle, cursor (parts of the image)
let scrolled = -1e9;
addEventListener("scroll", () => { scrolled = performance.now(); }, { passive: true });

class ImageView {
  constructor(element, data, values, [h, w], turn, errors) {
    const { x = [0, w - 1, "px"], y = [0, h - 1, "px"] } = data.axes || {};
    Object.assign(this, { element, data, values, turn, errors, h, w, x, y, name: data.name, held: null });
    this.title = data.title || data.name;
    this.even = y[2] === x[2]; // is a length across rows and columns one?
    this.step = ([first, last], n) => n > 1 ? Math.abs(last - first) / (n - 1) : 1;
    const even = clip(this.step(y, h) / this.step(x, w), w / h / 4, 4 * w / h);
    this.tall = this.even ? even : w / h; // height of a pixel over its width
    this.group = data.group || data.name;
    const whole = { zoom: 1, x: 0.5, y: 0.5, at: [0.5, 0.5], ...keep.get(`group ${this.group}`) };
    this.state = GROUPS.get(this.group) || { ...whole, draws: new Map() };
    GROUPS.set(this.group, this.state);
    this.source = make("canvas", { width: w, height: h });
    this.build(keep.get(this.name));
    this.listen();
    this.state.draws.set(element, () => this.draw());
    this.paint();
  }

  build(own) { // own: limits and colours that the reader chose before
    const { data, title, turn, w, h } = this, means = data.means > 1 ? `means of ${data.means}² px` : "";
    const number = (what, v) => make("input", {
      type: "number", step: "any", value: +Number(v).toPrecision(4), ariaLabel: `${title}: ${what}` });
    const button = (textContent, what, onclick) => make("button", {
      type: "button", textContent, ariaLabel: `${title}: ${what}`, onclick });
    this.low = number("lowest colour at", own.low ?? data.low);
    this.high = number("highest colour at", own.high ?? data.high);
    this.strip = make("canvas", { className: "colours", width: 256, height: 1 });
    const names = turn ? ["field", "gray"] : Object.keys(TABLES);
    this.map = make("select", { ariaLabel: `${title}: colours` },
      ...names.map(value => make("option", { value, textContent: value })));
    this.map.value = [own.map, data.map].find(name => names.includes(name)) || names[0];
    this.canvas = make("canvas", { tabIndex: 0, className: "image" });
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", `${title}, ${h} by ${w} pixels. Arrow keys move the cursor, `
      + "+ and - zoom, 0 shows all, l draws a line of which the values are shown.");
    this.canvas.style.aspectRatio = clip(w / (h * this.tall), 0.8, 3);
    this.said = make("output", { className: "value" });
    this.pencil = button("line", "values along a line", () => this.ruled(!this.state.line));
    this.pencil.title = "drag, or move its end by arrow keys; Enter begins a new line there";
    this.profile = make("div", { className: "profile" });
    this.element.replaceChildren(
      make("figcaption", {}, title, make("small", { textContent: ` ${data.unit || ""} ${means}` })),
      this.canvas, make("div", { className: "limits" }, this.low, this.strip, this.high),
      make("div", { className: "bar" }, this.map, button("−", "smaller", () => this.zoom(0.8)),
        button("+", "larger", () => this.zoom(1.25)), button("all", "show all", () => this.zoom(0)),
        this.pencil),
      this.said, this.profile);
  }

  paint() { // values to colours: when limits or colours change
    const { w, h } = this, field = this.map.value === "field", picture = new ImageData(w, h);
    const scale = this.data.log ? v => Math.log10(Math.max(v, 1e-30)) : v => v;
    const a = scale(+this.low.value), k = 1 / ((scale(+this.high.value) - a) || 1e-30);
    const table = field ? hues() : colours(this.map.value);
    if (field) this.asField(picture.data, table, a, k);
    else this.asColours(picture.data, table, a, k);
    this.source.getContext("2d").putImageData(picture, 0, 0);
    const pen = this.strip.getContext("2d"), strip = pen.createImageData(256, 1);
    for (let i = 0; i < 1024; i++) {
      const colour = field ? asByte((i >> 2) / 255) : table[3 * (i >> 2) + i % 4];
      strip.data[i] = i % 4 === 3 ? 255 : colour;
    }
    pen.putImageData(strip, 0, 0);
    this.draw();
  }

  asColours(out, table, a, k) { // four bytes at once; NaN stays transparent
    const { values } = this, pixels = new Uint32Array(out.buffer);
    const bytes = Uint8Array.from({ length: 1024 }, (_, i) => i % 4 === 3 ? 255 : table[3 * (i >> 2) + i % 4]);
    const words = new Uint32Array(bytes.buffer);
    for (let i = 0; i < values.length; i++) {
      const t = (values[i] - a) * k;
      if (t === t) pixels[i] = words[t <= 0 ? 0 : t >= 1 ? 255 : (255 * t + 0.5) | 0];
    }
  }

  asField(out, table, a, k) { // hue: the angle, brightness: the amplitude
    const { values, turn } = this;
    for (let i = 0, j = 0; i < values.length; i++, j += 4) {
      if (values[i] !== values[i]) continue;
      const t = clip((values[i] - a) * k, 0, 1), hue = Math.floor((turn[i] / (2 * Math.PI) + 0.5) * 256) & 255;
      for (let c = 0; c < 3; c++) out[j + c] = asByte(table[3 * hue + c] * t);
      out[j + 3] = 255;
    }
  }

  place() { // px of the canvas for a px of the image, and where the image begins
    const { canvas, state, w, h, tall } = this;
    const s = Math.min(canvas.width / w, canvas.height / (h * tall)) * state.zoom;
    const left = canvas.width / 2 - state.x * w * s, top = canvas.height / 2 - state.y * h * s * tall;
    return { sx: s, sy: s * tall, left, top };
  }

  cursor(at = this.state.at) { // column, row
    return [this.w, this.h].map((n, k) => clip(Math.floor(at[k] * n), 0, n - 1));
  }

  along(line) { // {x, y}: distance and value of the pixels nearest to a line, one for each row or column
    const [a, b] = line.map(at => this.cursor(at)), way = b.map((v, k) => v - a[k]);
    const steps = Math.max(...way.map(Math.abs)), sizes = [this.step(this.x, this.w), this.step(this.y, this.h)];
    const long = Math.hypot(...way.map((n, k) => this.even ? n * sizes[k] : n));
    const value = part => {
      const [i, j] = a.map((v, k) => Math.round(v + part * way[k])), v = this.values[j * this.w + i];
      return Number.isFinite(v) ? this.data.log ? 10 ** v : v : null;
    };
    const parts = Array.from({ length: steps + 1 }, (_, k) => k / (steps || 1));
    return { x: parts.map(part => part * long), y: parts.map(value) };
  }

  rule() { // the curve below the image: only when the line is another one, or the image
    const { line } = this.state, key = JSON.stringify(line || null);
    this.pencil.setAttribute("aria-pressed", Boolean(line));
    this.canvas.style.touchAction = line || this.state.zoom > 1 ? "none" : "pan-y";
    if (key === this.ruledBy) return;
    this.ruledBy = key;
    if (!line) return this.profile.replaceChildren();
    const title = `${this.title}, along the line`, label = `distance, ${this.even ? this.x[2] : "px"}`;
    const lines = [{ name: this.data.unit || "", ...this.along(line) }];
    curves(this.profile, { title, label, lines, gaps: true });
  }

  ruled(on) { // a line across the image through the cursor; its end is moved by the arrow keys
    const { state } = this, level = state.at[1];
    if (on) Object.assign(state, { shown: true, line: [[0, level], [1 - 1e-9, level]], at: [1 - 1e-9, level] });
    else state.line = null;
    this.moved();
  }

  draw() {
    const { canvas, w, h } = this, pen = canvas.getContext("2d"), { sx, sy, left, top } = this.place();
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = Math.min(sx, sy) < 1;
    pen.drawImage(this.source, left, top, w * sx, h * sy);
    const [i, j] = this.cursor();
    pen.strokeStyle = "#ffffffb0";
    if (this.state.shown)
      pen.strokeRect(left + i * sx - 0.5, top + j * sy - 0.5, Math.max(sx, 5) + 1, Math.max(sy, 5) + 1);
    if (this.state.line) stroke(pen, this.state.line.map(at => this.cursor(at)
      .map((v, k) => k ? top + (v + 0.5) * sy : left + (v + 0.5) * sx)));
    pen.save();
    pen.scale(devicePixelRatio, devicePixelRatio);
    const wide = canvas.width / devicePixelRatio, high = canvas.height / devicePixelRatio;
    if (/m$/.test(this.x[2])) ruler(pen, this.step(this.x, w) / sx * devicePixelRatio, this.x[2], wide, high);
    if (this.map.value === "field") wheel(pen, wide - 32);
    pen.restore();
    this.tell(i, j);
    this.rule();
  }

  tell(i, j) { // the value under the cursor
    const { data, w, h, turn } = this, v = this.values[j * w + i], known = Number.isFinite(v);
    const along = ([first, last, unit], k, n) =>
      `${short(+(first + (n > 1 ? k / (n - 1) : 0) * (last - first)).toFixed(9))} ${unit}`;
    const off = this.errors && known ? this.errors[j * w + i] : 0, size = Math.abs(v);
    const ten = x => Math.floor(Math.log10(x)); // of the value as many digits as the error tells
    const digits = off > 0 && size > 0 ? ten(size) - ten(off) + 2 : 6;
    const number = short(data.log && known ? 10 ** v : v, Math.min(6, Math.max(2, digits)));
    const error = this.errors && known ? ` ± ${short(off, 2)}` : "";
    const text = `${number}${error} ${known ? data.unit || "" : ""}`.trim();
    const angle = turn && known ? `, ${short(turn[j * w + i])} rad` : "";
    const [down, right] = data.names || ["y", "x"];
    this.said.textContent = `${right} ${along(this.x, i, w)}, ${down} ${along(this.y, j, h)}: ${text}${angle}`;
  }

  all() { // draw the views of the group; those that have left the page are forgotten
    this.state.draws.forEach((draw, element, draws) => element.isConnected ? draw() : draws.delete(element));
  }

  moved() {
    keep.set(`group ${this.group}`, { ...this.state, draws: undefined, shown: undefined });
    this.all();
  }

  zoom(by, [px, py] = [this.canvas.width / 2, this.canvas.height / 2]) { // 0: all; what is at px, py stays
    const { state, canvas, w, h } = this, before = this.place();
    const u = (px - before.left) / (w * before.sx), v = (py - before.top) / (h * before.sy);
    state.zoom = by ? clip(state.zoom * by, 1, Math.max(w, h) / 4) : 1;
    const { sx, sy } = this.place();
    state.x = state.zoom === 1 ? 0.5 : clip(u - (px - canvas.width / 2) / (w * sx), 0, 1);
    state.y = state.zoom === 1 ? 0.5 : clip(v - (py - canvas.height / 2) / (h * sy), 0, 1);
    this.moved();
  }

  pointed(e) { // px of the canvas
    const r = this.canvas.getBoundingClientRect(), q = this.canvas.width / r.width;
    return [(e.clientX - r.left) * q, (e.clientY - r.top) * q];
  }

  point(e) {
    const { state, w, h } = this, now = this.pointed(e), { sx, sy, left, top } = this.place();
    const at = [(now[0] - left) / (w * sx), (now[1] - top) / (h * sy)].map(part => clip(part, 0, 1 - 1e-9));
    Object.assign(state, { shown: true, at });
    if (!this.held) return this.all();
    if (state.line) {
      state.line = this.begun ? [at, at] : [state.line[0], at];
      this.begun = false;
      return this.moved();
    }
    state.x = clip(state.x - (now[0] - this.held[0]) / (w * sx), 0, 1);
    state.y = clip(state.y - (now[1] - this.held[1]) / (h * sy), 0, 1);
    this.held = now;
    return this.moved();
  }

  key(e) {
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const way = ways[e.key], by = { "+": 1.25, "-": 0.8, 0: 0 }[e.key], { state } = this;
    const ruled = e.key === "l" && !e.ctrlKey && !e.metaKey, anew = e.key === "Enter" && state.line;
    if (way || by !== undefined || ruled || anew) e.preventDefault();
    if (by !== undefined) this.zoom(by);
    if (ruled) this.ruled(!state.line);
    if (anew) { state.line = [state.at, state.at]; this.moved(); }
    if (!way) return;
    const far = e.shiftKey ? 10 : 1, sizes = [this.w, this.h];
    const at = this.cursor().map((v, k) => (clip(v + way[k] * far, 0, sizes[k] - 1) + 0.5) / sizes[k]);
    Object.assign(state, { shown: true, at, line: state.line && [state.line[0], at] });
    this.moved();
  }

  listen() {
    const { canvas, said, low, high, map } = this;
    canvas.onwheel = e => {
      if (performance.now() - scrolled < 300) return; // the page is on its way past the image
      e.preventDefault();
      this.zoom(e.deltaY < 0 ? 1.25 : 0.8, this.pointed(e));
    };
    canvas.onpointerdown = e => {
      this.held = this.pointed(e);
      canvas.setPointerCapture(e.pointerId);
      if (e.shiftKey && !this.state.line) this.ruled(true);
      this.begun = Boolean(this.state.line);
      if (this.begun) this.point(e);
    };
    canvas.onpointerup = canvas.onpointercancel = () => { this.held = null; };
    canvas.onpointerleave = () => { this.state.shown = false; this.all(); };
    canvas.onpointermove = e => this.point(e);
    canvas.ondblclick = e => this.state.zoom > 1 ? this.zoom(0) : this.zoom(3, this.pointed(e));
    canvas.onkeydown = e => this.key(e);
    canvas.onfocus = () => said.setAttribute("aria-live", "polite"); // else each move of the mouse is read
    canvas.onblur = () => said.setAttribute("aria-live", "off");
    said.setAttribute("aria-live", "off");
    low.onchange = high.onchange = map.onchange = () => {
      keep.set(this.name, { low: +low.value, high: +high.value, map: map.value });
      this.paint();
    };
    new ResizeObserver(() => {
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
      this.draw();
    }).observe(canvas);
  }
}
