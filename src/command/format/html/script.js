
"use strict";
(function () {
  const page = document.documentElement;
  page.dataset.script = "";
  const theme = document.getElementById("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  // Pages from files may have no storage.
  const stored = {
    read: function () { try { return localStorage.getItem("fencepost-theme"); } catch (e) { return null; } },
    write: function (value) { try { localStorage.setItem("fencepost-theme", value); } catch (e) { return; } },
  };
  function isDark() { return page.dataset.theme ? page.dataset.theme === "dark" : dark.matches; }
  function nameTheme() { theme.textContent = isDark() ? "Light" : "Dark"; }
  const wanted = stored.read();
  if (wanted === "dark" || wanted === "light") { page.dataset.theme = wanted; }
  theme.addEventListener("click", function () {
    page.dataset.theme = isDark() ? "light" : "dark";
    stored.write(page.dataset.theme);
    nameTheme();
  });
  dark.addEventListener("change", nameTheme);
  nameTheme();

  const list = document.getElementById("bugs");
  if (!list) { return; }
  const items = Array.from(list.children);
  const status = document.getElementById("status");
  const search = document.getElementById("search");
  const known = document.getElementById("known");
  const sorts = Array.from(document.querySelectorAll("[data-sort]"));
  const texts = new Map();
  let order = "in the order of the report";

  function textOf(item) {
    if (!texts.has(item)) { texts.set(item, item.textContent.toLowerCase()); }
    return texts.get(item);
  }
  function tell(shown) {
    status.textContent = shown + " of " + items.length + (items.length === 1 ? " bug, " : " bugs, ") + order;
  }
  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const fits = (known.checked || !item.classList.contains("known"))
        && words.every(function (word) { return textOf(item).includes(word); });
      item.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    tell(shown);
  }
  function sort(button) {
    const key = button.dataset.sort;
    const isText = key === "kind" || key === "place";
    // The first click shows the most, or the first of the alphabet; the next the other way round.
    const isPressed = button.getAttribute("aria-pressed") === "true";
    const up = isPressed ? !("up" in button.dataset) : isText || key === "first";
    for (const other of sorts) { other.setAttribute("aria-pressed", String(other === button)); delete other.dataset.up; }
    if (up) { button.dataset.up = ""; }
    const compare = isText
      ? function (a, b) { return a.dataset[key].localeCompare(b.dataset[key], "en", { numeric: true }); }
      : function (a, b) { return Number(a.dataset[key]) - Number(b.dataset[key]); };
    const sorted = items.slice().sort(function (a, b) { return up ? compare(a, b) : compare(b, a); });
    const moved = document.createDocumentFragment();
    for (const item of sorted) { moved.append(item); }
    list.append(moved);
    order = "sorted by " + button.textContent.toLowerCase() + (up ? ", ascending" : ", descending");
    filter();
  }
  function openAll(open) {
    for (const item of items) { if (!item.hidden) { item.firstElementChild.open = open; } }
  }
  function openTarget() {
    const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
    if (target && target.tagName === "DETAILS") { target.open = true; target.scrollIntoView(); }
  }
  for (const button of sorts) { button.addEventListener("click", function () { sort(button); }); }
  search.addEventListener("input", filter);
  known.addEventListener("change", filter);
  document.getElementById("open-all").addEventListener("click", function () { openAll(true); });
  document.getElementById("close-all").addEventListener("click", function () { openAll(false); });
  addEventListener("hashchange", openTarget);
  document.addEventListener("keydown", function (event) {
    if (event.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });
  openTarget();
  filter();
}());
