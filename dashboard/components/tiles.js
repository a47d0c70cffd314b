// How the wall is drawn: colours, geometry, tiles. Who moves it stands in wall.js.
//
// Only the rows in sight are drawn: the canvas is as large as the window and sticks to it, and the
// field around it is as tall as the whole wall. So 2048 tiles cost no more than those one sees.

const SIZES = { small: 40, medium: 64, large: 112 };
const GAP = 8;
const EDGE = 4; // room for the frame of a tile at the border

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
  const wide = wall.window.clientWidth - 2 * EDGE;
  const count = wall.order.length + head.pending;
  const columns = Math.max(1, Math.floor((wide + GAP) / (SIZES[view.tile] + GAP)));
  const width = count < columns ? SIZES[view.tile] : Math.floor((wide + GAP) / columns) - GAP;
  const height = Math.round(width * Math.min(3, Math.max(1 / 3, head.tile[0] / head.tile[1])));
  const caption = view.tile === "small" ? 0 : 15;
  const row = height + caption + GAP;
  const corner = (place) => {
    return [EDGE + (place % columns) * (width + GAP), EDGE + Math.floor(place / columns) * row];
  };
  wall.grid = { count, columns, width, height, caption, row, corner };
  wall.field.style.height = `${Math.ceil(count / columns) * row + 2 * EDGE - GAP}px`;
  wall.window.style.maxHeight = `${head.height}px`;
}

function draw(wall) {
  const { head, order, canvas, window: frame, root } = wall;
  measure(wall);
  if (wall.reveal) reveal(wall, head.names.indexOf(wall.memory.channel));
  wall.reveal = false;
  const { count, columns, width, height, caption, row, corner } = wall.grid;
  const { clientWidth, clientHeight, scrollTop } = frame;
  const ratio = devicePixelRatio || 1;
  fit(canvas, Math.round(clientWidth * ratio), Math.round(clientHeight * ratio));
  canvas.style.height = `${clientHeight}px`;
  const style = getComputedStyle(root);
  const ink = style.color;
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, -scrollTop * ratio);
  pen.clearRect(0, scrollTop, clientWidth, clientHeight);
  pen.font = `11px ${style.fontFamily}`;
  pen.textBaseline = "top";

  const first = Math.max(0, Math.floor((scrollTop - EDGE) / row) * columns);
  const last = Math.min(count, Math.ceil((scrollTop + clientHeight) / row) * columns);
  for (let place = first; place < last; place++) {
    const index = order[place]; // undefined for a picture still to come
    const name = head.names[index];
    const box = [...corner(place), width, height];
    if (name === undefined || head.dead[index]) hatch(pen, box, ink, name !== undefined);
    else cut(wall, pen, index, box, ratio);
    if (name === undefined) continue;
    pen.fillStyle = ink;
    if (caption) pen.fillText(name, box[0], box[1] + height + 5);
    if (name === wall.memory.channel) outline(pen, box, style.getPropertyValue("--st-primary-color"), style);
    if (name === wall.active && frame.matches(":focus-visible")) {
      pen.setLineDash([4, 3]);
      outline(pen, box, ink, style);
      pen.setLineDash([]);
    }
  }
  root.dataset.count = order.length;
  root.dataset.selected = wall.memory.channel ?? "";
}

/** One tile. Enlarged cells keep their edges: they are measurements. Pictures may be smoothed. */
function cut({ head, coloured }, pen, index, box, ratio) {
  const [h, w] = head.tile;
  const [left, top] = [(index % head.columns) * w, Math.floor(index / head.columns) * h];
  pen.imageSmoothingEnabled = !head.grey || w > box[2] * ratio;
  pen.imageSmoothingQuality = "high";
  pen.drawImage(coloured, left, top, w, h, ...box);
}

/** A place without a picture: hatched where the channel is dead, a bare frame where it is to come. */
function hatch(pen, [x, y, width, height], ink, dead) {
  pen.save();
  pen.beginPath();
  pen.rect(x, y, width, height);
  pen.clip();
  for (let at = 0; dead && at < width + height; at += 7) {
    pen.moveTo(x + at, y);
    pen.lineTo(x + at - height, y + height);
  }
  pen.strokeStyle = ink;
  pen.globalAlpha = 0.35;
  pen.stroke();
  pen.restore();
}

/** A frame around a tile, with a gap in the page's colour so that it is seen on any picture. */
function outline(pen, [x, y, width, height], colour, style) {
  pen.lineWidth = 2;
  pen.strokeStyle = style.getPropertyValue("--st-background-color");
  pen.strokeRect(x, y, width, height);
  pen.strokeStyle = colour;
  pen.strokeRect(x - 2, y - 2, width + 4, height + 4);
  pen.lineWidth = 1;
}

