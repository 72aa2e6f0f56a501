"use strict";
/* What view.js and curves.js need: elements, numbers, colours, what a page keeps over its reloads. */
const TABLES = { // colours at equal steps, six digits each, of matplotlib's maps of these names
  gray: "000000ffffff", twilight: "e2d9e2c4ced495b5c77297c16276ba5e51ad592a8f45135c2f14364a1342741e4f983550b25652" +
    "c27c63cca389d8c7bee2d9e2",
  viridis: "440154481f704439833b528b31688e287c8e21918c20a48635b7795ec96290d743c8e020fde725",
  inferno: "000004110a30320a5e57106e781c6d9a2865bc3754d84c3eed6925f98e09fbb61af4df53fcffa4",
  "blue-red": "0530612065ab4393c390c4ddd1e5f0f7f6f6fddbc7f3a481d6604db1182b67001f",
};
const make = (tag, props = {}, ...inner) => {
  const element = Object.assign(document.createElement(tag), props);
  element.append(...inner);
  return element;
};
const clip = (v, low, high) => Math.max(low, Math.min(high, v));
const short = (v, digits = 4) => !Number.isFinite(v) ? "outside"
  : v && (Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3) ? v.toExponential(digits - 1) : String(+v.toPrecision(digits));
const keep = { // of this page, over its reloads
  key: name => `nanompi ${location.pathname}${location.hash} ${name}`,
  get(name) { try { return JSON.parse(sessionStorage.getItem(this.key(name))) || {}; } catch { return {}; } },
  set(name, value) { try { sessionStorage.setItem(this.key(name), JSON.stringify(value)); } catch { /* full */ } },
};

function colours(name) { // 256 colours, red, green, blue
  const rgb = TABLES[name].match(/../g).map(two => parseInt(two, 16)), last = rgb.length / 3 - 1;
  return Uint8ClampedArray.from({ length: 768 }, (_, i) => {
    const t = Math.floor(i / 3) / 255 * last, k = Math.min(Math.floor(t), last - 1);
    return rgb[3 * k + i % 3] + (t - k) * (rgb[3 * k + 3 + i % 3] - rgb[3 * k + i % 3]);
  });
}
function hues() { // 256 angles at one lightness (OKLCh 0.75, 0.12), as red, green, blue in linear light
  const matrix = [[4.0767416621, -3.3077115913, 0.2309699292], [-1.2684380046, 2.6097574011, -0.3413193965],
    [-0.0041960863, -0.7034186147, 1.707614701]];
  return Float32Array.from({ length: 768 }, (_, i) => {
    const angle = 2 * Math.PI * (Math.floor(i / 3) / 256 - 0.5), a = 0.12 * Math.cos(angle), b = 0.12 * Math.sin(angle);
    const lms = [0.3963377774 * a + 0.2158037573 * b, -0.1055613458 * a - 0.0638541728 * b, -0.0894841775 * a
      - 1.291485548 * b].map(v => (0.75 + v) ** 3);
    return clip(matrix[i % 3].reduce((sum, m, k) => sum + m * lms[k], 0), 0, 1);
  });
}
