"use strict";
/* Fills the page of a run or of several; loads it anew while a run goes on. */
const page = JSON.parse(document.getElementById("data").textContent);
const place = name => document.getElementById(name).appendChild(make("figure"));
const drawn = [];
for (const name of ["images", "small"]) (page[name] || []).forEach(one => drawn.push(view(place(name), one)));
(page.history || []).forEach(one => curves(place("history"), one));
(page.plots || []).forEach(one => (one.points ? points : curves)(place("plots"), one));
(page.rows || []).forEach((row, k) => row.forEach(one => drawn.push(view(place(`row${k}`), one))));
Promise.all(drawn).then(() => document.body.classList.add("ready"));

document.querySelectorAll("details[id]").forEach(part => {
  part.open = keep.get(part.id).open ?? part.open;
  part.ontoggle = () => keep.set(part.id, { open: part.open });
});

const hold = document.getElementById("hold"), age = document.getElementById("age");
if (hold) {
  let still = keep.get("hold").still || false;
  const show = () => hold.setAttribute("aria-pressed", still);
  hold.onclick = () => { still = !still; keep.set("hold", { still }); show(); };
  show();
  const busy = () => document.querySelector("canvas.image:hover, svg:hover, input:focus, select:focus");
  setInterval(() => still || busy() || location.reload(), 1000 * page.period);
  const silent = Math.round(Date.now() / 60000 - page.written / 60);
  const why = "the run may have been ended from outside; nanompi status knows";
  if (silent >= 2) age.textContent = `Nothing new since ${silent} min: ${why}.`;
}
