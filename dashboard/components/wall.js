// A wall of tiles, cut out of one atlas and drawn on one canvas.
//
// Only the rows in sight are drawn: the canvas is as large as the window and sticks to it, and the
// field around it is as tall as the whole wall. So 2048 tiles cost no more than those one sees.

const WALLS = new WeakMap(); // root → state
const REMEMBERED = new Map(); // Python's key → view and selection; they outlive the element
const SIZES = { small: 40, medium: 64, large: 112 };
const GAP = 6;

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
    if (tile < 0) return say(wall, fill(wall.head.words.missing, { n: wanted }), true);
    move(wall, tile);
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
  if (wall.layer !== head.layer) wall.active = null;
  wall.layer = head.layer;
}

function refresh(wall) {
  const { head, strip, view, root } = wall;
  const { words } = head;
  const named = (name) => [name, words[name] ?? name];
  relabel(root, words);
  offer(strip.sort, ["index", ...head.statistics].map(named), view.sort);
  offer(strip.scale, head.grey ? [["channel", words.each], ["layer", words.whole]] : [], view.scale);
  offer(strip.colormap, head.colormaps.map((name) => [name, words.colormaps[name] ?? name]), view.colormap);
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

/** Colour the whole atlas: each tile through its own 256 colours, made for its range. */
function paint(wall) {
  const { head, view, grey, low, high } = wall;
  const legend = wall.root.querySelector(".bar");
  legend.hidden = !grey;
  if (!grey) return void (wall.coloured = wall.atlas);
  const wanted = `${view.colormap} ${view.scale}`;
  if (wall.coloured && wall.wanted === wanted) return;
  wall.wanted = wanted;

  const whole = view.scale === "layer";
  const known = (values) => values.filter(Number.isFinite);
  const bottom = known(low).reduce((a, b) => Math.min(a, b), Infinity);
  const span = known(high).reduce((a, b) => Math.max(a, b), -Infinity) - bottom;
  const colours = palette(wall.luts, Math.max(0, head.colormaps.indexOf(view.colormap)));
  const [height, width] = head.tile;
  const image = new ImageData(wall.atlas.width, wall.atlas.height);
  const out = new Uint32Array(image.data.buffer);
  head.names.forEach((_, tile) => {
    const table = !whole ? colours : colours.map((_, q) => {
      const value = low[tile] + (q / 255) * (high[tile] - low[tile]);
      return colours[Math.round(255 * Math.min(1, Math.max(0, (value - bottom) / span))) || 0];
    });
    const start = Math.floor(tile / head.columns) * height * image.width + (tile % head.columns) * width;
    for (let y = 0; y < height; y++) {
      for (let at = start + y * image.width, end = at + width; at < end; at++) out[at] = table[grey[4 * at]];
    }
  });
  wall.coloured = new OffscreenCanvas(image.width, image.height);
  wall.coloured.getContext("2d").putImageData(image, 0, 0);
  bar(legend.querySelector("canvas"), colours);
  const [left, right] = legend.querySelectorAll("span");
  left.textContent = whole ? short(bottom) : head.words.lowest;
  right.textContent = whole ? short(bottom + span) : head.words.highest;
}

/** Where things are, in CSS pixels. Tiles are stretched so that a row fills the width. */
function measure(wall) {
  const { head, view } = wall;
  const width = wall.window.clientWidth;
  const wanted = SIZES[view.tile];
  const count = wall.order.length + head.pending;
  const columns = Math.max(1, Math.floor((width + GAP) / (wanted + GAP)));
  const tile = count < columns ? wanted : Math.floor((width - GAP * (columns - 1)) / columns);
  const picture = Math.round(tile * Math.min(3, Math.max(1 / 3, head.tile[0] / head.tile[1])));
  const caption = view.tile === "small" ? 0 : 16;
  const row = picture + caption + GAP;
  wall.grid = { width, columns, tile, picture, caption, row, count };
  const corner = (place) => [(place % columns) * (tile + GAP) + 3, Math.floor(place / columns) * row + 3];
  wall.grid.corner = corner;
  wall.field.style.height = `${Math.ceil(count / columns) * row + 2}px`;
  wall.window.style.maxHeight = `${head.height}px`;
}

function draw(wall) {
  const { head, order, canvas, window: frame, root } = wall;
  measure(wall);
  if (wall.reveal) reveal(wall, head.names.indexOf(wall.memory.channel));
  wall.reveal = false;
  const { width, columns, tile, picture, caption, row, count, corner } = wall.grid;
  const height = frame.clientHeight;
  const ratio = devicePixelRatio || 1;
  fit(canvas, Math.round(width * ratio), Math.round(height * ratio));
  canvas.style.height = `${height}px`;
  const style = getComputedStyle(root);
  const ink = style.color;
  const accent = style.getPropertyValue("--st-primary-color");
  const ground = style.getPropertyValue("--st-background-color");
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, -frame.scrollTop * ratio);
  pen.clearRect(0, frame.scrollTop, width, height);
  pen.font = `11px ${style.fontFamily}`;
  pen.textBaseline = "top";

  const first = Math.floor(frame.scrollTop / row) * columns;
  const last = Math.min(count, Math.ceil((frame.scrollTop + height) / row) * columns);
  for (let place = first; place < last; place++) {
    const [x, y] = corner(place);
    const index = order[place];
    if (index === undefined || head.dead[index]) hatch(pen, x, y, tile - 6, picture - 6, ink, index !== undefined);
    else cut(wall, pen, index, x, y, tile - 6, picture - 6, ratio);
    if (index === undefined) continue;
    const name = head.names[index];
    pen.fillStyle = ink;
    if (caption) pen.fillText(name, x, y + picture - 2);
    if (name === wall.memory.channel) outline(pen, x, y, tile - 6, picture - 6, accent, ground);
    if (name === wall.active && frame.matches(":focus-visible")) {
      pen.setLineDash([4, 3]);
      outline(pen, x, y, tile - 6, picture - 6, ink, ground);
      pen.setLineDash([]);
    }
  }
  root.dataset.count = order.length;
  root.dataset.selected = wall.memory.channel ?? "";
}

/** One tile. Enlarged cells keep their edges: they are measurements. Pictures may be smoothed. */
function cut(wall, pen, index, x, y, width, height, ratio) {
  const { head } = wall;
  const [h, w] = head.tile;
  pen.imageSmoothingEnabled = !head.grey || w > width * ratio;
  pen.imageSmoothingQuality = "high";
  const left = (index % head.columns) * w;
  pen.drawImage(wall.coloured, left, Math.floor(index / head.columns) * h, w, h, x, y, width, height);
}

/** An empty place: hatched where a channel is dead, a bare frame where a picture is still to come. */
function hatch(pen, x, y, width, height, ink, dead) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  pen.strokeStyle = ink;
  pen.globalAlpha = 0.3;
  pen.lineWidth = 2;
  pen.stroke();
  pen.lineWidth = 1;
  pen.beginPath();
  for (let at = 0; dead && at < width + height; at += 7) {
    pen.moveTo(x + at, y);
    pen.lineTo(x + at - height, y + height);
  }
  pen.stroke();
  pen.restore();
}

function outline(pen, x, y, width, height, colour, ground) {
  pen.strokeStyle = ground; // a gap, so that the frame is seen on any picture
  pen.lineWidth = 2;
  pen.strokeRect(x, y, width, height);
  pen.strokeStyle = colour;
  pen.strokeRect(x - 2, y - 2, width + 4, height + 4);
}

/** The tile under the pointer, or null between tiles. */
function under(wall, event) {
  const { columns, tile, row } = wall.grid;
  const box = wall.canvas.getBoundingClientRect();
  const column = Math.floor((event.clientX - box.left) / (tile + GAP));
  const line = Math.floor((event.clientY - box.top + wall.window.scrollTop) / row);
  return column < 0 || column >= columns ? null : wall.order[line * columns + column] ?? null;
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

function say(wall, sentence, aloud) {
  wall.root.querySelector(".spoken").textContent = sentence;
  if (aloud) wall.root.querySelector(".status").textContent = sentence;
}

function preview(wall, index) {
  wall.preview.hidden = index === null;
  if (index === null) return;
  const [canvas, name, text] = wall.preview.children;
  const [first, ...rest] = facts(wall, index);
  name.textContent = first;
  text.textContent = rest.join("\n");
  const ratio = devicePixelRatio || 1;
  const { tile, picture, row, corner } = wall.grid;
  const wide = canvas.clientWidth * ratio;
  fit(canvas, Math.round(wide), Math.round((wide * picture) / tile));
  cut(wall, canvas.getContext("2d"), index, 0, 0, canvas.width, canvas.height, 1);

  const [x, y] = corner(wall.place.get(index));
  const top = wall.window.offsetTop + y - wall.window.scrollTop;
  const { offsetWidth: width, offsetHeight: height } = wall.preview;
  const right = x + tile + GAP;
  const fits = right + width <= wall.root.clientWidth;
  const beside = fits || x - width - 12 >= 0;
  wall.preview.style.left = `${beside ? (fits ? right : x - width - 12) : wall.root.clientWidth - width}px`;
  wall.preview.style.top = `${beside ? top : top >= height + GAP ? top - height - GAP : top + row}px`;
}

/** Scroll as little as needed to see a tile. */
function reveal(wall, index) {
  const place = wall.place.get(index);
  if (place === undefined) return;
  const { row, corner } = wall.grid;
  const top = corner(place)[1] - 3;
  const { window: frame } = wall;
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
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -page, PageDown: page };
  const there = { Home: 0, End: last }[event.key] ?? here + steps[event.key];
  if (event.key === "Escape") wall.preview.hidden = true;
  if (event.key === "Enter" || event.key === " ") choose(wall, wall.order[here]);
  else if (Number.isNaN(there)) return;
  else move(wall, wall.order[Math.min(last, Math.max(0, there))]);
  event.preventDefault(); // or the page would scroll as well
}
