// Maps over photos. Values are enlarged first and coloured last, as in explain.render.overlay:
//
//   q = round(255 · clip((v − lo) / (hi − lo), 0, 1)),  heat = q  or, diverging, |2q − 255|
//   alpha = opacity · heat / 255, and 0 where heat < threshold · 255
//
// The q of every pixel is kept. A tick of a slider is then a new table of 256 colours and one look
// into it per pixel, and nothing is said to the server until the slider is let go.

const OVERLAYS = new WeakMap(); // root → state
const REMEMBERED = new Map(); // Python's key → looks and pair; they outlive the element
const PATIENCE = 200; // ms, so that a held arrow key is one report

const copy = (state, part) => state.root.querySelector(`template[data-part=${part}]`).content.cloneNode(true);

/** The parts of one picture: its canvases, its cross, and the cell under that. */
function layered(figure, layer = figure.querySelector(".layer")) {
  const find = (name) => layer.querySelector(`.${name}`);
  const drawn = { photo: find("photo"), map: find("map"), hair: find("hair"), cell: find("cell") };
  return { figure, layer, picture: figure.querySelector(".picture"), ...drawn };
}

function build(root) {
  const find = (selector) => root.querySelector(selector);
  const state = {
    root,
    drawn: 0,
    turn: 0,
    frame: null,
    strip: Object.fromEntries([...root.querySelectorAll("[data-role]")].map((e) => [e.dataset.role, e])),
    list: find(".panels"),
    common: find(".common"),
    panels: [],
    stage: null,
    spot: null,
    view: whole(),
  };
  state.observer = new ResizeObserver(() => state.head && soon(state, draw));

  const { opacity, threshold, colormap, smooth, locked, photo } = state.strip;
  const set = (name, value) => {
    state.memory.looks = { ...state.memory.looks, [name]: value };
    soon(state, draw);
  };
  opacity.oninput = () => set("opacity", opacity.valueAsNumber);
  threshold.oninput = () => set("threshold", threshold.valueAsNumber);
  colormap.oninput = () => set("colormap", colormap.value);
  smooth.oninput = () => set("smooth", smooth.checked);
  locked.oninput = () => set("locked", locked.checked);
  for (const control of [opacity, threshold, colormap, smooth, locked]) {
    control.onchange = () => {
      clearTimeout(state.timer);
      state.timer = setTimeout(() => state.report("looks", [state.memory.looks, Date.now()]), PATIENCE);
    };
  }

  const bare = (on) => {
    root.classList.toggle("bare", on);
    photo.setAttribute("aria-pressed", on);
  };
  photo.onpointerdown = (event) => {
    photo.setPointerCapture(event.pointerId); // letting go anywhere ends it
    bare(true);
  };
  photo.onpointerup = photo.onpointercancel = photo.onblur = () => bare(false);
  photo.onkeydown = (event) => {
    if ([" ", "Enter"].includes(event.key)) bare(true); // false would swallow every key
  };
  photo.onkeyup = () => bare(false);
  photo.oncontextmenu = (event) => event.preventDefault(); // a long touch is not a menu here
  tools(state);
  return state;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector("#overlay");
  if (!root || !data) return;
  if (!OVERLAYS.has(root)) OVERLAYS.set(root, build(root));
  const state = OVERLAYS.get(root);
  state.report = setStateValue;
  state.observer.observe(state.list);
  const turn = ++state.turn;
  if (data === state.data) soon(state, draw); // the theme has changed
  else receive(state, data, turn);
  return () => turn === state.turn && state.observer.disconnect();
}

/** Take a payload. What is on the screen stays until the new photos are decoded. */
async function receive(state, data, turn) {
  const { head, blobs } = unframe(data);
  if (head.digest !== state.head?.digest) {
    const photos = await Promise.all(blobs.slice(0, head.photos).map(decode));
    if (turn !== state.turn) return; // a newer payload was faster
    state.photos = photos;
    state.luts = blobs[head.photos];
    state.maps = blobs.slice(head.photos + 1).map((blob) => new Float32Array(blob.buffer));
  }
  Object.assign(state, { head, data });
  if (!REMEMBERED.has(head.key)) REMEMBERED.set(head.key, { pair: [] });
  const memory = (state.memory = REMEMBERED.get(head.key));
  if (memory.serial !== head.looks[1]) [memory.looks, memory.serial] = head.looks;
  if (head.paired && memory.paired !== head.pair[1]) [memory.pair, memory.paired] = head.pair;
  arrange(state);
  look(state, state.view.scale, state.view.top, state.view.left);
}

/** One figure per panel; figures that are there already are kept, with the cursor on them. */
function arrange(state) {
  const { head, list, panels, strip, root } = state;
  const { words } = head;
  while (panels.length > head.panels.length) panels.pop().figure.remove();
  while (panels.length < head.panels.length) {
    const figure = copy(state, "panel").firstElementChild;
    list.append(figure);
    const [readout, chips] = ["readout", "chips"].map((name) => figure.querySelector(`.${name}`));
    const panel = { ...layered(figure), readout, chips };
    panels.push(panel);
    listen(state, panel);
    chip(state, panel);
  }
  list.style.setProperty("--columns", head.columns);
  for (const group of list.querySelectorAll(".group")) group.remove();
  panels.forEach((panel, index) => {
    const told = head.panels[index];
    const photo = state.photos[told.photo];
    const { photo: _, ...facts } = told; // the canvas keeps its name
    Object.assign(panel, facts, { values: state.maps[index], source: photo, stale: true });
    const [h, w] = told.shape ?? [1, 1];
    panel.aspect = photo ? photo.width / photo.height : w / h;
    const { figure, picture } = panel;
    const size = told.shape && fill(words.native, { size: `${h} × ${w}` });
    figure.style.setProperty("--aspect", panel.aspect);
    figure.classList.toggle("missing", !told.shape && Boolean(told.note));
    figure.querySelector("figcaption").textContent = told.title;
    figure.querySelector(".lines").textContent = [...told.lines, size].filter(Boolean).join("\n");
    figure.querySelector(".note").textContent = told.note;
    picture.setAttribute("aria-label", `${told.alt || told.title}. ${told.note} ${words.help}`);
    if (told.group && told.group !== head.panels[index - 1]?.group) headLine(figure, told.group);
  });
  relabel(root, words);
  strip.full.textContent = words[root.classList.contains("full") ? "leave" : "full"];
  strip.nearer.title = words.wheel;
  const menu = head.colormaps.map((name) => [name, words.colormaps[name] ?? name]);
  offer(strip.colormap, menu, null);
  root.querySelector(".strip").hidden = !head.controls;
  strip.locked.closest("label").hidden = !head.shareable;
  for (const part of root.querySelectorAll(".over")) part.hidden = !head.photos;
  arrangePair(state);
}

/** A line of the grid begins here. */
function headLine(figure, text) {
  const line = Object.assign(document.createElement("p"), { className: "group", textContent: text });
  figure.before(line);
}

function draw(state) {
  const { head, strip, panels, root, memory: { looks } } = state;
  const { words } = head;
  const chosen = Math.max(0, head.colormaps.indexOf(looks.colormap));
  for (const name of ["opacity", "threshold"]) {
    strip[name].value = looks[name];
    strip[name].nextElementSibling.textContent = percent(looks[name]);
  }
  strip.colormap.selectedIndex = chosen;
  strip.smooth.checked = looks.smooth;
  strip.locked.checked = looks.locked;

  const made = new Map();
  const shadeOf = ({ signed }) => {
    const index = signed && !head.diverging[chosen] ? head.diverging.indexOf(true) : chosen;
    if (!made.has(index)) made.set(index, shades(state, index));
    return made.get(index);
  };
  const scales = shared(panels);
  const spans = panels.filter(({ limits, blank }) => limits && !blank).map(({ limits }) => String(limits));
  const several = new Set(spans).size > 1;
  const one = head.shareable && looks.locked && scales.size === 1 && [...scales.values()][0];
  legend(state.common, one && one.limits, one && shadeOf(one).scale, one && said(one.label, words.shared));
  const used = panels.map((panel) => {
    const kin = scales.get(panel.scale);
    const locked = head.shareable && looks.locked && kin;
    const limits = locked ? kin.limits : panel.limits;
    const shade = shadeOf(panel);
    paint(state, panel, limits, shade);
    const element = panel.figure.querySelector(".bar");
    const shown = panel.blank ? null : limits;
    if (one) {
      const [lo, hi] = (panel.limits ?? []).map(short);
      legend(element, shown, shade.scale, fill(words.within, { lo, hi }), true);
    } else {
      const which = locked && kin.many ? words.kin : several && words.own;
      legend(element, shown, shade.scale, said(panel.label, which));
    }
    return limits;
  });
  if (state.stage) drawPair(state, used, shadeOf);
  root.dataset.opacity = looks.opacity;
  root.dataset.colormap = head.colormaps[chosen];
}

const said = (...parts) => parts.filter(Boolean).join(" · ");

/** What panels measure on one scale, by the scale's name; see shared_limits in overlay.py. */
function shared(panels) {
  const scales = new Map();
  for (const { limits, blank, scale, label, signed } of panels) {
    if (!limits || blank) continue;
    const known = scales.get(scale);
    const ends = known ? [Math.min(known.limits[0], limits[0]), Math.max(known.limits[1], limits[1])] : limits;
    scales.set(scale, { limits: ends, many: Boolean(known), label, signed });
  }
  return scales;
}
