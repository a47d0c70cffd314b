// A wall of tiles, cut out of one atlas and drawn on one canvas (tiles.js): state, pointer and keys.

const WALLS = new WeakMap(); // root → state
const REMEMBERED = new Map(); // Python's key → view and selection; they outlive the element

function build(root) {
  const find = (selector) => root.querySelector(selector);
  const wall = {
    root,
    drawn: 0,
    turn: 0,
    frame: null,
    strip: Object.fromEntries([...root.querySelectorAll("[data-role]")].map((e) => [e.dataset.role, e])),
    window: find(".window"),
    field: find(".field"),
    canvas: find(".field canvas"),
    preview: find(".preview"),
  };
  wall.observer = new ResizeObserver(() => wall.head && soon(wall, draw));

  for (const name of ["sort", "scale", "colormap", "tile"]) {
    wall.strip[name].onchange = (event) => {
      wall.view[name] = event.target.value;
      wall.report("view", [wall.view, Date.now()]);
      refresh(wall);
    };
  }
  wall.strip.jump.onchange = (event) => {
    const wanted = event.target.value.trim();
    if (!wanted) return;
    const tile = wall.head.names.indexOf(Number(wanted));
    const missing = tile < 0 ? fill(wall.head.words.missing, { n: wanted }) : "";
    event.target.setCustomValidity(missing);
    event.target.reportValidity(); // the browser's own bubble, also read aloud
    if (!missing) move(wall, tile);
  };
  wall.window.onscroll = () => {
    wall.preview.hidden = true;
    soon(wall, draw);
  };
  wall.window.onkeydown = (event) => keyed(wall, event);
  wall.window.onfocus = () => soon(wall, draw);
  wall.window.onblur = () => {
    wall.preview.hidden = true;
    soon(wall, draw);
  };
  wall.canvas.onclick = (event) => {
    const tile = under(wall, event);
    if (tile !== null) choose(wall, tile);
  };
  wall.canvas.onpointermove = (event) => {
    if (event.pointerType !== "touch") preview(wall, under(wall, event));
  };
  wall.canvas.onpointerleave = () => preview(wall, null);
  return wall;
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector("#wall");
  if (!root || !data) return;
  if (!WALLS.has(root)) WALLS.set(root, build(root));
  const wall = WALLS.get(root);
  wall.report = setStateValue;
  wall.observer.observe(wall.window);
  const turn = ++wall.turn;
  if (data === wall.data) soon(wall, draw); // the theme has changed
  else receive(wall, data, turn);
  return () => turn === wall.turn && wall.observer.disconnect();
}

/** Take a payload. What is on the screen stays until the new atlas is decoded. */
async function receive(wall, data, turn) {
  const { head, blobs } = unframe(data);
  if (head.digest !== wall.head?.digest) {
    const bitmap = await decode(blobs[0]);
    if (turn !== wall.turn) return; // a newer payload was faster
    const atlas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = atlas.getContext("2d", { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    wall.atlas = atlas;
    wall.grey = head.grey ? context.getImageData(0, 0, atlas.width, atlas.height).data : null;
    wall.luts = blobs[1];
    const numbers = new Float32Array(blobs[2].buffer);
    const column = (i) => numbers.subarray(i * head.names.length, (i + 1) * head.names.length);
    [wall.low, wall.high] = [column(0), column(1)];
    wall.statistics = head.statistics.map((_, i) => column(i + 2));
    wall.coloured = null;
  }
  Object.assign(wall, { head, data });
  adopt(wall);
  refresh(wall);
}

/** Python's wishes count when they are new: see `agree` in frame.py. */
function adopt(wall) {
  const { head } = wall;
  if (!REMEMBERED.has(head.key)) REMEMBERED.set(head.key, { serials: {} });
  const memory = REMEMBERED.get(head.key);
  for (const name of ["view", "channel"]) {
    const [value, serial] = head[name];
    if (memory.serials[name] === serial) continue;
    memory.serials[name] = serial;
    memory[name] = value;
    wall.reveal ||= name === "channel";
  }
  wall.memory = memory;
  wall.view = memory.view;
  if (wall.title === head.title) return;
  wall.title = head.title; // another layer, so another wall
  wall.active = null;
  wall.window.scrollTop = 0;
}

function refresh(wall) {
  const { head, strip, view, root } = wall;
  const { words } = head;
  const named = (name) => [name, words[name] ?? name];
  relabel(root, words);
  offer(strip.sort, ["index", ...head.statistics].map(named), view.sort);
  const titled = (name) => [name, words.colormaps[name] ?? name];
  offer(strip.scale, head.grey ? [["channel", words.each], ["layer", words.whole]] : [], view.scale);
  offer(strip.colormap, head.grey ? head.colormaps.map(titled) : [], view.colormap);
  offer(strip.tile, Object.keys(SIZES).map(named), view.tile);
  wall.window.setAttribute("aria-label", `${head.title}. ${words.help}`);

  const by = wall.statistics[head.statistics.indexOf(view.sort)];
  const rank = (tile) => (Number.isNaN(by[tile]) ? -Infinity : by[tile]);
  wall.order = head.names.map((_, tile) => tile);
  wall.order.sort((a, b) => (by && rank(b) - rank(a)) || head.names[a] - head.names[b]);
  wall.place = new Map(wall.order.map((tile, place) => [tile, place]));
  const active = head.names.indexOf(wall.active ?? wall.memory.channel);
  wall.active = head.names[active] ?? head.names[wall.order[0]];

  paint(wall);
  const dead = head.dead.reduce((sum, one) => sum + one, 0);
  root.querySelector(".status").textContent = [
    fill(words.status, { count: head.names.length, size: `${head.tile[0]} × ${head.tile[1]}` }),
    dead && fill(words.dead_count, { n: dead }),
    head.pending && fill(words.pending, { n: head.pending }),
  ].filter(Boolean).join(" · ");
  soon(wall, draw);
}

/** The tile under the pointer, or null between tiles. */
function under({ canvas, grid, order, window: frame }, event) {
  const box = canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left - EDGE) / (grid.width + GAP));
  const line = Math.floor((event.clientY - box.top + frame.scrollTop - EDGE) / grid.row);
  return column < 0 || column >= grid.columns ? null : order[line * grid.columns + column] ?? null;
}

/** Name and numbers of one tile, as lines. */
function facts(wall, index) {
  const { head, statistics } = wall;
  const { words } = head;
  const numbers = head.statistics.map((name, i) => {
    const value = statistics[i][index];
    return `${words[name] ?? name} ${name === "sparsity" ? percent(value) : short(value)}`;
  });
  return [
    fill(words.channel, { n: head.names[index] }),
    ...numbers,
    head.dead[index] ? words.dead : "",
    head.labels[index] ?? "",
  ].filter(Boolean);
}

const say = (wall, sentence) => (wall.root.querySelector(".spoken").textContent = sentence);

/** One tile magnified, beside it, or above or below it where the screen is narrow. */
function preview(wall, index) {
  const { preview: card, grid, root, window: frame } = wall;
  card.hidden = index === null;
  if (index === null) return;
  const [canvas, name, text] = card.children;
  const [first, ...rest] = facts(wall, index);
  name.textContent = first;
  text.textContent = rest.join("\n");
  const wide = Math.round(canvas.clientWidth * (devicePixelRatio || 1));
  fit(canvas, wide, Math.round((wide * grid.height) / grid.width));
  cut(wall, canvas.getContext("2d"), index, [0, 0, canvas.width, canvas.height], 1);

  const [x, y] = grid.corner(wall.place.get(index));
  const top = frame.offsetTop + y - frame.scrollTop;
  const { offsetWidth: width, offsetHeight: height } = card;
  const sides = [x + grid.width + GAP, x - width - GAP];
  const left = sides.find((at) => at >= 0 && at + width <= root.clientWidth);
  const above = top - height - GAP;
  const beside = Math.min(top, Math.max(frame.offsetTop, root.clientHeight - height));
  card.style.left = `${left ?? root.clientWidth - width}px`;
  card.style.top = `${left !== undefined ? beside : above >= 0 ? above : top + grid.row}px`;
}

/** Scroll as little as needed to see a tile. */
function reveal(wall, index) {
  const place = wall.place.get(index);
  if (place === undefined) return;
  const { window: frame, grid: { row, corner } } = wall;
  const top = corner(place)[1] - EDGE;
  if (top < frame.scrollTop) frame.scrollTop = top;
  else if (top + row > frame.scrollTop + frame.clientHeight) frame.scrollTop = top + row - frame.clientHeight;
}

function move(wall, index) {
  wall.active = wall.head.names[index];
  wall.window.focus({ preventScroll: true, focusVisible: true });
  reveal(wall, index);
  const chosen = wall.active === wall.memory.channel ? [wall.head.words.selected] : [];
  say(wall, [...facts(wall, index), ...chosen].join(", "));
  requestAnimationFrame(() => preview(wall, index)); // after the scroll event has hidden the old one
  soon(wall, draw);
}

function choose(wall, index) {
  const name = wall.head.names[index];
  wall.active = name;
  say(wall, [...facts(wall, index), wall.head.words.selected].join(", "));
  if (name !== wall.memory.channel) wall.report("channel", [name, Date.now()]);
  wall.memory.channel = name;
  soon(wall, draw);
}

function keyed(wall, event) {
  const { columns, row } = wall.grid;
  const last = wall.order.length - 1;
  const here = wall.place.get(wall.head.names.indexOf(wall.active)) ?? 0;
  const page = columns * Math.max(1, Math.floor(wall.window.clientHeight / row));
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    PageUp: -page,
    PageDown: page,
  };
  const there = { Home: 0, End: last }[event.key] ?? here + steps[event.key];
  if (event.key === "Escape") wall.preview.hidden = true;
  if (event.key === "Enter" || event.key === " ") choose(wall, wall.order[here]);
  else if (Number.isNaN(there)) return;
  else move(wall, wall.order[Math.min(last, Math.max(0, there))]);
  event.preventDefault(); // or the page would scroll as well
}
