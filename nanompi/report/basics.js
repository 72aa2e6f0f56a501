"use strict";
/* What view.js and curves.js need: elements, numbers, colours, what a page keeps over its reloads. */
const TABLES = { // colours at equal steps, six digits each, of matplotlib's maps of these names
  gray: "000000ffffff",
  viridis: "440154481f704439833b528b31688e287c8e21918c20a48635b7795ec96290d743c8e020fde725",
  inferno: "000004110a30320a5e57106e781c6d9a2865bc3754d84c3eed6925f98e09fbb61af4df53fcffa4",
  twilight: "e2d9e2c4ced495b5c77297c16276ba5e51ad592a8f45135c2f14364a1342741e4f983550b25652c27c63cca389"
    + "d8c7bee2d9e2",
  "blue-red": "0530612065ab4393c390c4ddd1e5f0f7f6f6fddbc7f3a481d6604db1182b67001f",
};
const make = (tag, props = {}, ...inner) => {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...inner);
  return element;
};
const clip = (v, low, high) => Math.max(low, Math.min(high, v));
const short = (v, digits = 4) => {
  if (!Number.isFinite(v)) return "outside";
  const odd = v && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3);
  return odd ? v.toExponential(digits - 1) : String(+v.toPrecision(digits));
};
const keep = { // of this page, over its reloads
  key: name => `nanompi ${location.pathname}${location.hash} ${name}`,
  get(name) {
    try { return JSON.parse(sessionStorage.getItem(this.key(name))) || {}; } catch { return {}; }
  },
  set(name, value) {
    try { sessionStorage.setItem(this.key(name), JSON.stringify(value)); } catch { /* no room: not kept */ }
  },
};

function colours(name) { // 256 colours: red, green, blue
  const rgb = TABLES[name].match(/../g).map(two => parseInt(two, 16)), last = rgb.length / 3 - 1;
  return Uint8ClampedArray.from({ length: 768 }, (_, i) => {
    const t = Math.floor(i / 3) / 255 * last, k = Math.min(Math.floor(t), last - 1);
    return rgb[3 * k + i % 3] + (t - k) * (rgb[3 * k + 3 + i % 3] - rgb[3 * k + i % 3]);
  });
}

const LMS = [[0.3963377774, 0.2158037573], [-0.1055613458, -0.0638541728], [-0.0894841775, -1.291485548]];
const RGB = [[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
  [-0.0041960863, -0.7034186147, 1.707614701]];
function hues() { // 256 angles from -pi, all equally light (OKLCh 0.75, 0.12): red, green, blue, linear
  return Float32Array.from({ length: 768 }, (_, i) => {
    const angle = 2 * Math.PI * (Math.floor(i / 3) / 256 - 0.5);
    const a = 0.12 * Math.cos(angle), b = 0.12 * Math.sin(angle);
    const lms = LMS.map(([p, q]) => (0.75 + p * a + q * b) ** 3);
    return clip(RGB[i % 3].reduce((sum, m, k) => sum + m * lms[k], 0), 0, 1);
  });
}
const asByte = v => 255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055); // of linear light

async function pixels(src, range, shape) { // float32 values, NaN outside, and [height, width]
  if (typeof src !== "string") return { values: new Float32Array(src), shape };
  const image = new Image();
  image.src = src;
  await image.decode();
  const canvas = make("canvas", { width: image.width, height: image.height });
  const pen = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  pen.drawImage(image, 0, 0);
  const bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const n = bytes.length / 8, values = new Float32Array(n), unit = (range[1] - range[0]) / 65534;
  for (let i = 0; i < n; i++) {
    const code = 256 * bytes[4 * i] + bytes[4 * (n + i)];
    values[i] = code ? range[0] + (code - 1) * unit : NaN;
  }
  return { values, shape: [image.height / 2, image.width] };
}

function ruler(pen, per, unit, wide, high) { // a scale bar on a canvas; per: length of a px of the page
  const most = wide / 4 * per, ten = 10 ** Math.floor(Math.log10(most));
  const n = [5, 2, 1].map(k => k * ten).find(k => k <= most) ?? ten, words = `${short(n)} ${unit}`;
  pen.font = "600 13px system-ui, sans-serif";
  pen.fillStyle = "#000000a0";
  pen.fillRect(10, high - 42, Math.max(n / per, pen.measureText(words).width) + 20, 32);
  pen.fillStyle = "#fff";
  pen.fillRect(20, high - 19, n / per, 3);
  pen.fillText(words, 20, high - 25);
}
function stroke(pen, [[x0, y0], [x1, y1]]) { // seen on dark and light, with a dot where it begins
  for (const [colour, wide] of [["#000000b0", 4], ["#ffe14d", 2]]) {
    Object.assign(pen, { strokeStyle: colour, fillStyle: colour, lineWidth: wide * devicePixelRatio });
    pen.beginPath();
    pen.moveTo(x0, y0);
    pen.lineTo(x1, y1);
    pen.stroke();
    pen.beginPath();
    pen.arc(x0, y0, (wide + 1) * devicePixelRatio, 0, 2 * Math.PI);
    pen.fill();
  }
  pen.lineWidth = 1;
}
function wheel(pen, x) { // which hue is which phase: 0 to the right, growing downwards as an image's rows do
  const table = hues(), R = 18;
  for (let k = 0; k < 64; k++) {
    const from = 2 * Math.PI * k / 64 - Math.PI, to = from + 2 * Math.PI / 60;
    pen.fillStyle = `rgb(${[0, 1, 2].map(c => Math.round(asByte(table[12 * k + c])))})`;
    pen.beginPath();
    pen.arc(x, 32, R, from, to);
    pen.arc(x, 32, R - 7, to, from, true);
    pen.fill();
  }
  pen.fillStyle = "#fff";
  pen.font = "11px system-ui, sans-serif";
  pen.fillText("0", x + R + 3, 36);
}
