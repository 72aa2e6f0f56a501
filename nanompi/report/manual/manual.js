"use strict";
// The search box: sections without the words are hidden, and so are their links.
const box = document.getElementById("find"), count = document.getElementById("count");
const sections = [...document.querySelectorAll("main section")];
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href"), a]));
const texts = sections.map((section) => section.textContent.toLowerCase());

function find() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  sections.forEach((section, k) => {
    section.hidden = !words.every((word) => texts[k].includes(word));
    shown += !section.hidden;
    const link = links.get("#" + section.id);
    if (link) link.hidden = section.hidden;
  });
  count.textContent = words.length ? `${shown} of ${sections.length}` : "";
}
box.addEventListener("input", find);
