"use strict";
/* Which page, by what stands behind # in the address. */
async function route() {
  if (location.hash.startsWith("#token=")) return enter(location.hash.slice(7));
  const [page = "", ...rest] = location.hash.slice(2).split("/"), words = rest.map(decodeURIComponent);
  const pages = { run: () => runPage(words.join("/")), workflow: () => workflowPage(words.join("/")), compare: () => comparePage(rest.join("/").split(",").map(decodeURIComponent)), new: () => newPage(words.join("/")), methods: () => methodsPage(words.join("/")) };
  document.querySelectorAll("[data-page]").forEach(a => a.toggleAttribute("aria-current", a.dataset.page === (page || "runs")));
  document.title = words.length ? `${words.join("/")} – nanompi` : "nanompi";
  try {
    await (pages[page] || runsPage)();
  } catch (error) {
    if (!(error instanceof Refused)) write(main, title("Sorry"), make("p", { className: "fault", role: "alert", textContent: error.message }));
  }
}
addEventListener("hashchange", route);
route();
