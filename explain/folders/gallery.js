"use strict";
(() => {
  const PER_PAGE = 60;
  const byId = (id) => document.getElementById(id);
  const { about, rows } = JSON.parse(byId("data").textContent);
  const items = rows.filter((row) => row.length > 2).map((row, place) => {
    const [picture, overlay, number, label, score, probability, notices, note] = row;
    const text = `${picture}\n${label}\n${note}`.toLowerCase();
    return { place, picture, overlay, number, label, score, probability, notices, note, text };
  });
  const skipped = rows.filter((row) => row.length === 2);
  let chosen = items;
  let page = 0;

  const element = (tag, text, name) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (name) made.className = name;
    return made;
  };
  const counted = (values) => {
    const counts = new Map();
    for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1] || String(a[0]).localeCompare(String(b[0])));
  };
  const offer = (select, counts, told) => {
    for (const [value, count] of counts) {
      const option = element("option", `${told(value)} (${count})`);
      option.value = value;
      select.append(option);
    }
  };
  const figure = (value) => (value === null ? "–" : value.toFixed(Math.abs(value) < 10 ? 3 : 1));

  function card(item) {
    const made = element("li");
    if (item.overlay) {
      const link = element("a");
      link.href = encodeURIComponent(item.overlay);
      const picture = element("img");
      picture.loading = "lazy";
      picture.decoding = "async";
      picture.alt = `Heatmap of ${item.picture} for ${item.label}`;
      picture.src = link.href;
      link.append(picture);
      made.append(link);
    }
    const share = item.probability === null ? "" : `, ${(100 * item.probability).toFixed(1)} %`;
    made.append(element("p", item.label, "name"), element("p", `score ${figure(item.score)}${share}`, "figures"));
    made.append(element("p", item.picture));
    if (item.note) made.append(element("p", item.note, "notice"));
    return made;
  }

  function show() {
    const pages = Math.max(1, Math.ceil(chosen.length / PER_PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const part = chosen.slice(page * PER_PAGE, (page + 1) * PER_PAGE);
    byId("cards").replaceChildren(...part.map(card));
    byId("count").textContent = `${chosen.length} of ${items.length} pictures`;
    byId("page").textContent = `page ${page + 1} of ${pages}`;
    byId("before").disabled = page === 0;
    byId("after").disabled = page === pages - 1;
  }

  function choose() {
    const wanted = byId("text").value.trim().toLowerCase();
    const number = byId("class").value;
    const notice = byId("notice").value;
    const [low, high] = ["low", "high"].map((id) => byId(id).valueAsNumber);
    chosen = items.filter((item) =>
      (!wanted || item.text.includes(wanted)) &&
      (number === "" || String(item.number) === number) &&
      (!notice || (notice === "-" ? item.notices.length === 0 : item.notices.includes(notice))) &&
      (Number.isNaN(low) || item.score >= low) &&
      (Number.isNaN(high) || item.score <= high));
    const order = {
      "score-": (a, b) => b.score - a.score,
      "score+": (a, b) => a.score - b.score,
      class: (a, b) => a.number - b.number,
    }[byId("sort").value];
    if (order) chosen = chosen.slice().sort((a, b) => order(a, b) || a.place - b.place);
    page = 0;
    show();
  }

  const labels = new Map(items.map((item) => [item.number, item.label]));
  offer(byId("class"), counted(items.map((item) => item.number)), (number) => labels.get(number));
  offer(byId("notice"), counted(items.flatMap((item) => item.notices)), (code) => code);
  byId("about").textContent = `${about.model}, ${about.method}: ${items.length} pictures; each overlay has a colour scale of its own`;
  if (skipped.length) {
    const list = byId("skipped");
    list.hidden = false;
    list.querySelector("summary").textContent = `${skipped.length} skipped, because they cannot be read`;
    list.querySelector("ul").append(...skipped.map(([path, reason]) => element("li", `${path}: ${reason}`)));
  }
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("input", choose);
  byId("filters").addEventListener("reset", () => setTimeout(choose));
  byId("before").addEventListener("click", () => { page -= 1; show(); scrollTo(0, 0); });
  byId("after").addEventListener("click", () => { page += 1; show(); scrollTo(0, 0); });
  show();
})();
