// Maps over photos. Values are enlarged first and coloured last, as in explain.render.overlay:
//
//   q = round(255 · clip((v − lo) / (hi − lo), 0, 1)),  heat = q  or, diverging, |2q − 255|
//   alpha = opacity · heat / 255, and 0 where heat < threshold · 255
//
// The q of every pixel is kept. A tick of a slider is then a new table of 256 colours and one look
// into it per pixel, and nothing is said to the server until the slider is let go.

const OVERLAYS = new WeakMap(); // root → state
const REMEMBERED = new Map(); // Python's key → looks; they outlive the element
const LONGEST = 1024; // device pixels: finer than any map, and quick on every screen
const PATIENCE = 200; // ms, so that a held arrow key is one report

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
    template: find("template"),
    panels: [],
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
  photo.onkeydown = (event) => [" ", "Enter"].includes(event.key) && bare(true);
  photo.onkeyup = () => bare(false);
  photo.oncontextmenu = (event) => event.preventDefault(); // a long touch is not a menu here
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
  if (!REMEMBERED.has(head.key)) REMEMBERED.set(head.key, {});
  state.memory = REMEMBERED.get(head.key);
  if (state.memory.serial !== head.looks[1]) [state.memory.looks, state.memory.serial] = head.looks;
  arrange(state);
  soon(state, draw);
}

/** One figure per panel; figures that are there already are kept, with the cursor on them. */
function arrange(state) {
  const { head, list, panels, strip, root } = state;
  const { words } = head;
  while (panels.length > head.panels.length) panels.pop().figure.remove();
  while (panels.length < head.panels.length) {
    const figure = state.template.content.firstElementChild.cloneNode(true);
    list.append(figure);
    panels.push(listen(state, { figure, picture: figure.querySelector(".picture") }));
  }
  list.style.setProperty("--columns", head.columns);
  panels.forEach((panel, index) => {
    const told = head.panels[index];
    const photo = state.photos[told.photo];
    Object.assign(panel, told, { values: state.maps[index], source: photo, stale: true });
    const [h, w] = told.shape ?? [1, 1];
    panel.aspect = photo ? photo.width / photo.height : w / h;
    const { figure, picture } = panel;
    const size = told.shape && fill(words.native, { size: `${h} × ${w}` });
    figure.style.setProperty("--aspect", panel.aspect);
    figure.querySelector("figcaption").textContent = told.title;
    figure.querySelector(".lines").textContent = [...told.lines, size].filter(Boolean).join("\n");
    figure.querySelector(".note").textContent = told.note;
    picture.setAttribute("aria-label", `${told.alt || told.title}. ${told.note} ${words.help}`);
  });
  relabel(root, words);
  offer(strip.colormap, head.colormaps.map((name) => [name, words.colormaps[name] ?? name]), null);
  root.querySelector(".strip").hidden = !head.controls;
  strip.locked.closest("label").hidden = !head.shareable;
  for (const part of root.querySelectorAll(".over")) part.hidden = !head.photos;
  point(state, state.spot ?? null);
}

/** Device pixels for a panel: never fewer than the map has cells, so values are only enlarged. */
function pixels(panel) {
  const [h, w] = panel.shape ?? [1, 1];
  const shown = panel.picture.clientWidth * (devicePixelRatio || 1);
  const width = Math.min(shown, LONGEST, LONGEST * panel.aspect);
  return [Math.max(h, Math.round(width / panel.aspect), 1), Math.max(w, Math.round(width), 1)];
}

function draw(state) {
  const { head, strip, panels, root, memory: { looks } } = state;
  const { words } = head;
  const chosen = Math.max(0, head.colormaps.indexOf(looks.colormap));
  const diverging = head.diverging[chosen];
  for (const name of ["opacity", "threshold"]) {
    strip[name].value = looks[name];
    strip[name].nextElementSibling.textContent = percent(looks[name]);
  }
  strip.colormap.selectedIndex = chosen;
  strip.smooth.checked = looks.smooth;
  strip.locked.checked = looks.locked;

  const heat = (q) => (diverging ? Math.abs(2 * q - 255) : q); // 0..255
  const cold = (q) => heat(q) < looks.threshold * 255;
  const over = palette(state.luts, chosen, (q) => (cold(q) ? 0 : (looks.opacity * heat(q)) / 255));
  const alone = palette(state.luts, chosen);
  const scale = palette(state.luts, chosen, (q) => (head.photos && cold(q) ? 0.12 : 1));
  const shown = panels.filter((panel) => panel.limits && !panel.blank); // see shared_limits in overlay.py
  const shared = head.shareable && looks.locked && shown.length > 0;
  const all = shared && [
    Math.min(...shown.map((panel) => panel.limits[0])),
    Math.max(...shown.map((panel) => panel.limits[1])),
  ];
  legend(state.common, all, scale, head.label && `${head.label} · ${words.shared}`);
  for (const panel of panels) {
    const limits = all || panel.limits;
    prepare(panel, limits, looks.smooth, diverging);
    colour(panel, panel.source ? over : alone);
    const own = head.shareable ? ` · ${words.own}` : "";
    legend(panel.figure.querySelector(".bar"), !panel.blank && limits, scale, shared
      ? fill(words.within, { lo: short(panel.limits?.[0]), hi: short(panel.limits?.[1]) })
      : head.label + own, shared);
  }
  root.dataset.opacity = looks.opacity;
  root.dataset.colormap = head.colormaps[chosen];
}

/** A colour bar with three numbers, or the words alone where the bar stands elsewhere. */
function legend(element, limits, table, sentence, brief = false) {
  const [canvas, numbers, text] = element.children;
  element.hidden = !limits;
  if (!limits) return;
  canvas.hidden = numbers.hidden = brief;
  bar(canvas, table);
  const [lo, hi] = limits;
  [lo, (lo + hi) / 2, hi].forEach((value, i) => (numbers.children[i].textContent = short(value)));
  text.textContent = sentence;
}

/** The photo, and q for every pixel of the map, where something they depend on has changed. */
function prepare(panel, limits, smooth, diverging) {
  const [height, width] = pixels(panel);
  const wanted = [height, width, limits, smooth, diverging].join();
  if (!panel.stale && panel.wanted === wanted) return;
  Object.assign(panel, { stale: false, wanted, height, width });
  const photo = panel.figure.querySelector(".photo");
  fit(photo, width, height);
  const pen = photo.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  if (panel.source) pen.drawImage(panel.source, 0, 0, width, height);
  panel.levels = panel.shape && !(panel.blank && panel.source) && levels(panel, limits, smooth, diverging);
}

/** Where each of n pixels looks among m cells: two neighbours and the share of the second. */
function sites(n, m, smooth) {
  return Array.from({ length: n }, (_, i) => {
    const centre = ((i + 0.5) * m) / n;
    if (!smooth) return [Math.floor(centre), Math.floor(centre), 0];
    const at = Math.min(m - 1, Math.max(0, centre - 0.5)); // the border is replicated
    const cell = Math.floor(at);
    return [cell, Math.min(m - 1, cell + 1), at - cell];
  });
}

function levels({ values, shape: [h, w], height, width }, [lo, hi], smooth, diverging) {
  const nothing = diverging ? (lo + hi) / 2 : lo; // what is no number gets the least colour
  const known = values.map((value) => (Number.isFinite(value) ? value : nothing));
  const across = sites(width, w, smooth);
  const factor = hi > lo ? 255 / (hi - lo) : 0;
  const q = new Uint8ClampedArray(width * height); // clips for us; rounding is ours, halves up
  const line = new Float64Array(w);
  let at = 0;
  for (const [top, bottom, down] of sites(height, h, smooth)) {
    for (let x = 0; x < w; x++) {
      const above = known[top * w + x];
      line[x] = above + (known[bottom * w + x] - above) * down;
    }
    for (const [left, right, share] of across) {
      q[at++] = Math.floor((line[left] + (line[right] - line[left]) * share - lo) * factor + 0.5);
    }
  }
  return q;
}

function colour(panel, table) {
  const canvas = panel.figure.querySelector(".map");
  canvas.hidden = !panel.levels;
  if (!panel.levels) return;
  const { levels: q, width, height } = panel;
  if (fit(canvas, width, height) || !panel.image) {
    panel.image = new ImageData(width, height);
    panel.out = new Uint32Array(panel.image.data.buffer);
  }
  for (let i = 0; i < q.length; i++) panel.out[i] = table[q[i]];
  canvas.getContext("2d").putImageData(panel.image, 0, 0);
}

/** Pointer and keys move one cursor over all panels. */
function listen(state, panel) {
  const { picture } = panel;
  const clip = (part) => Math.min(0.999999, Math.max(0, part));
  picture.onpointermove = picture.onpointerdown = (event) => {
    const box = picture.getBoundingClientRect();
    const [down, across] = [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
    point(state, [clip(down), clip(across)]);
  };
  picture.onpointerleave = (event) => event.pointerType === "mouse" && point(state, null);
  picture.onblur = () => point(state, null);
  picture.onkeydown = (event) => {
    if (event.key === "Escape") point(state, null);
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step || !panel.shape) return;
    event.preventDefault();
    point(state, panel.shape.map((cells, axis) => {
      const here = state.spot ? Math.floor(state.spot[axis] * cells) + step[axis] : Math.floor(cells / 2);
      return (Math.min(cells - 1, Math.max(0, here)) + 0.5) / cells;
    }));
    state.root.querySelector(".spoken").textContent = `${panel.title}: ${panel.readout.textContent}`;
  };
  panel.readout = panel.figure.querySelector(".readout");
  return panel;
}

/** Show the cell under (down, across), both 0..1, in every panel; null hides it. */
function point(state, spot) {
  state.spot = spot;
  for (const panel of state.panels) {
    const cell = panel.figure.querySelector(".cell");
    cell.hidden = !spot || !panel.shape;
    panel.readout.textContent = "";
    if (cell.hidden) continue;
    const [h, w] = panel.shape;
    const [row, column] = [Math.floor(spot[0] * h), Math.floor(spot[1] * w)];
    Object.assign(cell.style, {
      top: `${(100 * row) / h}%`,
      left: `${(100 * column) / w}%`,
      height: `${100 / h}%`,
      width: `${100 / w}%`,
    });
    const value = short(panel.values[row * w + column]);
    panel.readout.textContent = fill(state.head.words.cell, { row, column, value });
  }
}
