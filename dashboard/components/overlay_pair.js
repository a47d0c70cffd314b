// Two panels closely, A and B: one over the other behind a divider, and A − B in blue and red.
//
//   sizes   both are enlarged to the larger height and the larger width, bilinearly
//   values  a − b where both are measured on one scale; else a / max|a| − b / max|b|, from −1 to 1
//   colours centred on zero, and as far as the larger of the two reaches
//   photos  of different shapes stand in one frame at full height, the narrower one between bars
//
// See dashboard/pairs.py, which does the same for what is saved.

/** All panels on the screen: those of the grid, and A, B and their difference. */
const everyPanel = ({ panels, stage }) => (stage ? [...panels, ...stage.panels] : panels);

/** The panels that can be A or B: those that have a map. */
const pairable = (state) => state.panels.flatMap((panel, index) => (panel.shape ? [index] : []));

/** Choose A and B, by number; nothing ends it. Python is told, which says how alike they are. */
function choose(state, ...pair) {
  state.memory.pair = pair;
  arrangePair(state);
  soon(state, draw);
  state.report("pair", [pair, Date.now()]);
}

/** The buttons under a panel of the grid. */
function chip(state, panel) {
  [...panel.chips.children].forEach((button, which) => {
    button.onclick = () => {
      const pair = [...state.memory.pair];
      const index = state.panels.indexOf(panel);
      if (pair[1 - which] === index) pair.reverse();
      else pair[which] = index;
      choose(state, ...pair);
    };
  });
}

function buildStage(state) {
  const { root, head: { words } } = state;
  const element = copy(state, "stage").firstElementChild;
  const [swipe, contrast] = [0, 1].map(() => copy(state, "panel").firstElementChild);
  const clip = document.createElement("div");
  clip.className = "clip";
  clip.append(copy(state, "panel").querySelector(".layer"));
  const split = Object.assign(document.createElement("input"), { type: "range", min: 0, max: 1, step: 0.005 });
  swipe.className = "swipe";
  contrast.className = "contrast";
  swipe.querySelector(".layer").after(clip);
  swipe.querySelector(".picture").after(split);
  split.value = 0.5;
  split.setAttribute("aria-label", words.split);
  split.oninput = () => swipe.style.setProperty("--split", `${100 * split.valueAsNumber}%`);
  element.querySelector(".twins").append(swipe, contrast);
  const b = layered(swipe);
  const a = { ...layered(swipe, clip.firstElementChild), readout: swipe.querySelector(".readout") };
  const difference = { ...layered(contrast), readout: contrast.querySelector(".readout") };
  const side = ({ clientX }) => {
    const { left, width } = clip.getBoundingClientRect();
    return clientX - left < split.valueAsNumber * width ? a : b;
  };
  listen(state, a, side);
  listen(state, difference);
  const selects = element.querySelectorAll("select");
  selects.forEach((select, which) => {
    select.onchange = () => {
      const pair = [...state.memory.pair];
      if (pair[1 - which] === Number(select.value)) pair.reverse();
      else pair[which] = Number(select.value);
      choose(state, ...pair);
    };
  });
  element.querySelector("button").onclick = () => choose(state, ...[...state.memory.pair].reverse());
  relabel(element, words);
  root.querySelector(".place").replaceChildren(element);
  return { element, selects, a, b, difference, panels: [b, a, difference] };
}

/** Show A and B as they were chosen, or take them away. */
function arrangePair(state) {
  const { head, root, strip, memory } = state;
  const usable = head.paired ? pairable(state) : [];
  const on = (memory.pair ?? []).length === 2 && memory.pair.every((index) => usable.includes(index));
  strip.two.hidden = usable.length < 2;
  strip.two.setAttribute("aria-pressed", on);
  strip.two.onclick = () => choose(state, ...(state.stage ? [] : usable.slice(0, 2)));
  root.classList.toggle("paired", on);
  if (!on) {
    state.stage?.element.remove();
    state.stage = null;
  } else {
    state.stage ??= buildStage(state);
    fillStage(state, memory.pair, usable);
  }
  state.panels.forEach((panel, index) => {
    panel.chips.hidden = !on || !panel.shape;
    [...panel.chips.children].forEach((button, which) => {
      button.setAttribute("aria-pressed", on && memory.pair[which] === index);
      button.setAttribute("aria-label", `${"AB"[which]}: ${panel.name}`);
    });
  });
}

function fillStage(state, pair, usable) {
  const { words } = state.head;
  const { stage } = state;
  const [first, second] = pair.map((index) => state.panels[index]);
  const names = usable.map((index) => [String(index), state.panels[index].name]);
  stage.selects.forEach((select, which) => offer(select, names, String(pair[which])));
  const taken = ({ title, name, shape, values, limits, blank, source, aspect, signed }) => (
    { title, name, shape, values, limits, blank, source, aspect, signed, stale: true });
  Object.assign(stage.a, taken(first));
  Object.assign(stage.b, taken(second));
  Object.assign(stage.difference, differ(first, second), { stale: true });
  const frame = Math.max(first.aspect, second.aspect);
  for (const { layer, aspect } of [stage.a, stage.b]) {
    layer.style.inset = `0 ${50 * (1 - aspect / frame)}%`;
  }
  const tell = ({ figure, picture }, title, text, label, aspect) => {
    figure.querySelector("figcaption").textContent = title;
    figure.querySelector(".lines").textContent = text;
    figure.style.setProperty("--aspect", aspect);
    picture.setAttribute("aria-label", `${title}. ${label} ${words.help}`);
  };
  const told = fill(words.between, { a: first.name, b: second.name });
  const measured = stage.difference.alike ? words.raw : words.shares;
  tell(stage.a, words.swipe, told, told, frame);
  tell(stage.difference, words.difference, `${told}\n${measured}`, told, stage.difference.aspect);
  fillAlike(state);
  point(state, state.spot);
}

/** How alike A and B are, as Python found; dots while it does not know yet of these two. */
function fillAlike({ root, stage, memory, head: { alike } }) {
  const [place, figures, notes, help] = ["", " dl", " p", " details dl"].map(
    (part) => stage.element.querySelector(`.alike${part}`));
  const known = alike && String(alike.pair) === String(memory.pair);
  place.hidden = !alike;
  if (!alike) return;
  const list = (element, rows) => {
    element.replaceChildren(...rows.map((row) => {
      const pair = document.createElement("div");
      pair.append(...["dt", "dd"].map(
        (tag, i) => Object.assign(document.createElement(tag), { textContent: row[i] })));
      return pair;
    }));
  };
  list(figures, alike.figures.map(([name, value]) => [name, known ? value : "…"]));
  list(help, alike.figures.map(([name, , about]) => [name, about]));
  notes.textContent = known ? alike.notes.join("\n") : "";
  const spoken = alike.figures.map(([name, value]) => `${name}: ${value}`).join(", ");
  if (known && stage.spoken !== spoken) root.querySelector(".spoken").textContent = stage.spoken = spoken;
}

/** The panel A − B. */
function differ(a, b) {
  const shape = [0, 1].map((axis) => Math.max(a.shape[axis], b.shape[axis]));
  const alike = a.scale === b.scale;
  const reach = ({ limits }) => Math.max(Math.abs(limits[0]), Math.abs(limits[1]));
  const values = new Float32Array(shape[0] * shape[1]);
  for (const [{ values: own, shape: [h, w], limits }, sign] of [[a, 1], [b, -1]]) {
    const factor = sign / (alike ? 1 : reach({ limits }));
    sample(own, w, sites(shape[0], h, true), sites(shape[1], w, true), (value, at) => {
      values[at] += factor * value;
    });
  }
  const most = alike ? Math.max(reach(a), reach(b)) : 1;
  const source = a.source === b.source ? a.source : undefined;
  return { title: "A − B", shape, values, limits: [-most, most], source, aspect: a.aspect, alike, signed: true };
}

/** A and B with the limits that they have in the grid, and their difference. */
function drawPair(state, used, shadeOf) {
  const { stage, memory: { pair }, head: { words } } = state;
  const { a, b, difference } = stage;
  const [ends, shadings] = [pair.map((index) => used[index]), [a, b].map(shadeOf)];
  [a, b].forEach((panel, which) => paint(state, panel, ends[which], shadings[which]));
  const same = String(ends[0]) === String(ends[1]) && shadings[0] === shadings[1];
  const spans = ends.map((limits) => limits.map(short).join(" … "));
  const bar = a.figure.querySelector(".bar");
  const told = same ? words.colours : fill(words.spans, { a: spans[0], b: spans[1] });
  legend(bar, ends[0], shadings[0].scale, told, !same);
  const shade = shadeOf(difference);
  paint(state, difference, difference.limits, shade);
  legend(difference.figure.querySelector(".bar"), difference.limits, shade.scale, words.sides);
}

function tellBoth({ stage, head: { words } }, spot) {
  const numbers = { a: under(stage.a, spot), b: under(stage.b, spot) };
  stage.a.readout.textContent = spot ? fill(words.both, numbers) : "";
}
