const box = document.getElementById("filter");
const items = [...document.querySelectorAll("[data-words]")];
const groups = [...document.querySelectorAll("[data-group]")];
function filter() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const item of items) item.hidden = !words.every((word) => item.dataset.words.includes(word));
  for (const group of groups) group.hidden = !group.querySelector("[data-words]:not([hidden])");
  const left = document.querySelectorAll("article[data-words]:not([hidden])").length;
  document.getElementById("count").textContent = words.length ? `${left} found` : "";
}
box.addEventListener("input", filter);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && event.target !== box) { event.preventDefault(); box.focus(); }
  if (event.key === "Escape" && event.target === box) { box.value = ""; filter(); }
});
box.closest("[hidden]").hidden = false;
