"use strict";
/* Images with zoom, limits, colours and the value under the cursor; report.html and `serve` use it, after basics.js.
   view(element, {...}) : what coded.py's `described` gives; src is a PNG of 16 bits a value, or an ArrayBuffer of
   float32 with its shape. Views of one `group` show the same part of their images. */
async function pixels(src, range, shape) { // float32 values, NaN outside, and [height, width]
  if (typeof src !== "string") return { values: new Float32Array(src), shape };
  const image = new Image();
  image.src = src;
  await image.decode();
  const canvas = make("canvas", { width: image.width, height: image.height });
  const pen = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  pen.drawImage(image, 0, 0);
  const bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data, unit = (range[1] - range[0]) / 65535;
  const value = i => bytes[i + 2] > 127 ? NaN : range[0] + (256 * bytes[i] + bytes[i + 1]) * unit;
  return { values: Float32Array.from({ length: bytes.length / 4 }, (_, i) => value(4 * i)), shape: [image.height, image.width] };
}

const GROUPS = new Map(); // name -> what its views have in common
async function view(element, data) {
  const { values, shape: [h, w] } = await pixels(data.src, data.range, data.shape);
  const turn = data.angle && (await pixels(data.angle, data.angle_range, data.shape)).values; // of a complex field
  const { x = [0, w - 1, "px"], y = [0, h - 1, "px"] } = data.axes || {}, name = data.name, title = data.title || name;
  const step = ([first, last], n) => n > 1 ? Math.abs(last - first) / (n - 1) : 1;
  const tall = x[2] === y[2] ? clip(step(y, h) / step(x, w), w / h / 4, 4 * w / h) : w / h; // height of a pixel over its width
  const group = data.group || name, own = keep.get(name);
  const state = GROUPS.get(group) || { zoom: 1, x: 0.5, y: 0.5, at: [0.5, 0.5], draws: new Map(), ...keep.get(`group ${group}`) };
  GROUPS.set(group, state);
  const canvas = make("canvas", { tabIndex: 0, className: "image" }), value = make("output", { className: "value" });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${title}, ${h} by ${w} pixels. Arrow keys move the cursor, + and - zoom, 0 shows all.`);
  canvas.style.aspectRatio = clip(w / (h * tall), 0.8, 3);
  const number = (label, v) => make("input", { type: "number", step: "any", value: +Number(v).toPrecision(4), ariaLabel: `${title}: ${label}` });
  const low = number("lowest colour at", own.low ?? data.low), high = number("highest colour at", own.high ?? data.high);
  const names = turn ? ["field", "gray"] : Object.keys(TABLES), bar = make("canvas", { className: "colours", width: 256, height: 1 });
  const map = make("select", { ariaLabel: `${title}: colours` }, ...names.map(n => make("option", { value: n, textContent: n })));
  map.value = names.includes(own.map) ? own.map : names.includes(data.map) ? data.map : names[0];
  const button = (text, label, act) => make("button", { type: "button", textContent: text, ariaLabel: `${title}: ${label}`, onclick: act });
  element.replaceChildren(make("figcaption", {}, title, make("small", { textContent: data.unit ? ` ${data.unit}` : "" })), canvas,
    make("div", { className: "limits" }, low, bar, high), make("div", { className: "bar" }, map, button("−", "smaller", () => zoom(0.8)),
      button("+", "larger", () => zoom(1.25)), button("whole", "show all", () => zoom(0))), value);
  const source = make("canvas", { width: w, height: h }), scale = data.log ? v => Math.log10(Math.max(v, 1e-30)) : v => v;
  const real = v => data.log ? 10 ** v : v; // of frames the logarithm is kept

  function paint() { // values -> colours, when the limits or the colours change
    const a = scale(+low.value), k = 1 / ((scale(+high.value) - a) || 1e-30), field = map.value === "field";
    const table = field ? hues() : colours(map.value), picture = new ImageData(w, h), out = picture.data;
    const light = v => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);
    for (let i = 0, j = 0; i < values.length; i++, j += 4) {
      const v = values[i], t = clip((v - a) * k, 0, 1), q = 3 * (field ? Math.floor((turn[i] / (2 * Math.PI) + 0.5) * 256) & 255 : Math.round(255 * t));
      if (t !== t) continue; // NaN stays transparent
      for (let c = 0; c < 3; c++) out[j + c] = field ? light(table[q + c] * t) : table[q + c];
      out[j + 3] = 255;
    }
    source.getContext("2d").putImageData(picture, 0, 0);
    const strip = bar.getContext("2d").createImageData(256, 1);
    for (let i = 0; i < 1024; i++) strip.data[i] = i % 4 === 3 ? 255 : field ? light((i >> 2) / 255) : table[3 * (i >> 2) + i % 4];
    bar.getContext("2d").putImageData(strip, 0, 0);
    draw();
  }
  const place = () => { // px of the canvas for a px of the image, and where the image begins
    const s = Math.min(canvas.width / w, canvas.height / (h * tall)) * state.zoom;
    return { sx: s, sy: s * tall, left: canvas.width / 2 - state.x * w * s, top: canvas.height / 2 - state.y * h * s * tall };
  };
  const cursor = () => [[state.at[0], w], [state.at[1], h]].map(([part, n]) => clip(Math.floor(part * n), 0, n - 1));
  function draw() {
    const pen = canvas.getContext("2d"), { sx, sy, left, top } = place(), dot = devicePixelRatio, [i, j] = cursor();
    pen.clearRect(0, 0, canvas.width, canvas.height);
    pen.imageSmoothingEnabled = Math.min(sx, sy) < 1;
    pen.drawImage(source, left, top, w * sx, h * sy);
    if (state.shown) {
      pen.strokeStyle = "#ffffffb0";
      pen.strokeRect(left + i * sx - 0.5, top + j * sy - 0.5, Math.max(sx, 5) + 1, Math.max(sy, 5) + 1);
    }
    if (/m$/.test(x[2])) ruler(pen, step(x, w) / sx * dot, x[2], dot);
    const v = real(values[j * w + i]), along = ([first, last, unit], k, n) => short(+((first + (n > 1 ? k / (n - 1) : 0) * (last - first)).toFixed(9))) + ` ${unit}`;
    value.textContent = `x ${along(x, i, w)}, y ${along(y, j, h)}: ${short(v, 6)} ${Number.isFinite(v) ? data.unit || "" : ""}`.trim()
      + (turn && Number.isFinite(v) ? `, ${short(turn[j * w + i])} rad` : "");
  }
  function ruler(pen, per, unit, dot) { // per : length of a px of the page
    const most = canvas.width / dot / 4 * per, ten = 10 ** Math.floor(Math.log10(most)), n = [5, 2, 1].map(k => k * ten).find(k => k <= most) ?? ten;
    pen.save();
    pen.scale(dot, dot);
    pen.font = "600 13px system-ui, sans-serif";
    const wide = Math.max(n / per, pen.measureText(`${short(n)} ${unit}`).width), foot = canvas.height / dot - 10;
    pen.fillStyle = "#000000a0";
    pen.fillRect(10, foot - 32, wide + 20, 32);
    pen.fillStyle = "#fff";
    pen.fillRect(20, foot - 9, n / per, 3);
    pen.fillText(`${short(n)} ${unit}`, 20, foot - 15);
    pen.restore();
  }
  const all = () => state.draws.forEach((one, who) => who.isConnected ? one() : state.draws.delete(who));
  const moved = () => { const { draws, shown, ...rest } = state; keep.set(`group ${group}`, rest); all(); };
  function zoom(by, [px, py] = [canvas.width / 2, canvas.height / 2]) { // 0 = whole; what is at px, py stays there
    const before = place();
    const u = (px - before.left) / (w * before.sx), v = (py - before.top) / (h * before.sy);
    state.zoom = by ? clip(state.zoom * by, 1, Math.max(w, h) / 4) : 1;
    const { sx, sy } = place();
    const held = state.zoom === 1 ? [0.5, 0.5] : [u - (px - canvas.width / 2) / (w * sx), v - (py - canvas.height / 2) / (h * sy)];
    [state.x, state.y] = held.map(part => clip(part, 0, 1));
    canvas.style.touchAction = state.zoom > 1 ? "none" : "pan-y";
    moved();
  }
  const pointed = e => { const r = canvas.getBoundingClientRect(), q = canvas.width / r.width; return [(e.clientX - r.left) * q, (e.clientY - r.top) * q]; };
  let held = null;
  canvas.onwheel = e => { // a page on its way past an image is not held up by it
    if (performance.now() - scrolled < 300) return;
    e.preventDefault();
    zoom(e.deltaY < 0 ? 1.25 : 0.8, pointed(e));
  };
  canvas.onpointerdown = e => { held = pointed(e); canvas.setPointerCapture(e.pointerId); };
  canvas.onpointerup = canvas.onpointercancel = () => { held = null; };
  canvas.onpointerleave = () => { state.shown = false; all(); };
  canvas.ondblclick = e => state.zoom > 1 ? zoom(0) : zoom(3, pointed(e));
  canvas.onpointermove = e => {
    const now = pointed(e), { sx, sy, left, top } = place();
    if (held) {
      state.x = clip(state.x - (now[0] - held[0]) / (w * sx), 0, 1);
      state.y = clip(state.y - (now[1] - held[1]) / (h * sy), 0, 1);
      held = now;
    }
    Object.assign(state, { shown: true, at: [(now[0] - left) / (w * sx), (now[1] - top) / (h * sy)].map(part => clip(part, 0, 1 - 1e-9)) });
    held ? moved() : all();
  };
  canvas.onkeydown = e => {
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key], by = { "+": 1.25, "-": 0.8, 0: 0 }[e.key];
    if (way) {
      const next = cursor().map((v, k) => (clip(v + way[k] * (e.shiftKey ? 10 : 1), 0, [w, h][k] - 1) + 0.5) / [w, h][k]);
      Object.assign(state, { shown: true, at: next });
      moved();
    } else if (by !== undefined) zoom(by); else return;
    e.preventDefault();
  };
  canvas.onfocus = () => value.setAttribute("aria-live", "polite");
  canvas.onblur = () => value.removeAttribute("aria-live");
  low.onchange = high.onchange = map.onchange = () => { keep.set(name, { low: +low.value, high: +high.value, map: map.value }); paint(); };
  new ResizeObserver(() => {
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    draw();
  }).observe(canvas);
  state.draws.set(element, draw);
  paint();
}
let scrolled = -1e9;
addEventListener("scroll", () => { scrolled = performance.now(); }, { passive: true });
