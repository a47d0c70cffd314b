// One panel on its canvases: the photo, the q of every pixel, their colours, the bar.

const LONGEST = 1024; // device pixels: finer than any map, and quick on every screen

/** Device pixels for a panel: never fewer than the map has cells, so values are only enlarged. */
function pixels(panel) {
  const [h, w] = panel.shape ?? [1, 1];
  const shown = panel.layer.clientWidth * (devicePixelRatio || 1);
  const width = Math.min(shown, LONGEST, LONGEST * panel.aspect);
  return [Math.max(h, Math.round(width / panel.aspect), 1), Math.max(w, Math.round(width), 1)];
}

/** The photo, and q for every pixel of the map, where something they depend on has changed. */
function prepare(panel, limits, smooth, diverging, view) {
  const [height, width] = pixels(panel);
  const { scale, top, left } = view;
  const wanted = [height, width, limits, smooth, diverging, scale, top, left].join();
  if (!panel.stale && panel.wanted === wanted) return;
  Object.assign(panel, { stale: false, wanted, height, width });
  const { photo, source } = panel;
  fit(photo, width, height);
  const pen = photo.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.imageSmoothingQuality = "high";
  if (source) {
    const [w, h] = [source.width, source.height];
    pen.drawImage(source, left * w, top * h, w / scale, h / scale, 0, 0, width, height);
  }
  const there = panel.shape && limits && !(panel.blank && source);
  panel.levels = there && levels(panel, limits, smooth, diverging, view);
}

// Where each of n pixels looks among m cells: two neighbours and the share of the second.
// The pixels show the part of 1 / scale that begins at `from`, 0..1.
function sites(n, m, smooth, scale = 1, from = 0) {
  return Array.from({ length: n }, (_, i) => {
    const centre = ((i + 0.5) * m) / (n * scale) + from * m;
    if (!smooth) return [Math.min(m - 1, Math.floor(centre)), Math.min(m - 1, Math.floor(centre)), 0];
    const at = Math.min(m - 1, Math.max(0, centre - 0.5)); // the border is replicated
    const cell = Math.floor(at);
    return [cell, Math.min(m - 1, cell + 1), at - cell];
  });
}

/** Values (h, w) at `down` × `across` sites, row by row: take(value, place in the result). */
function sample(values, w, down, across, take) {
  const line = new Float64Array(w);
  let at = 0;
  for (const [top, bottom, part] of down) {
    for (let x = 0; x < w; x++) {
      const above = values[top * w + x];
      line[x] = above + (values[bottom * w + x] - above) * part;
    }
    for (const [left, right, share] of across) take(line[left] + (line[right] - line[left]) * share, at++);
  }
}

function levels({ values, shape: [h, w], height, width }, [lo, hi], smooth, diverging, view) {
  const nothing = diverging ? (lo + hi) / 2 : lo; // what is no number gets the least colour
  const known = values.map((value) => (Number.isFinite(value) ? value : nothing));
  const factor = hi > lo ? 255 / (hi - lo) : 0;
  const q = new Uint8ClampedArray(width * height); // clips for us; rounding is ours, halves up
  const down = sites(height, h, smooth, view.scale, view.top);
  sample(known, w, down, sites(width, w, smooth, view.scale, view.left), (value, at) => {
    q[at] = Math.floor((value - lo) * factor + 0.5);
  });
  return q;
}

function colour(panel, table) {
  const canvas = panel.map;
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

/** The three tables of a colour map: over a photo, alone, and of its bar. */
function shades(state, index) {
  const { head, memory: { looks } } = state;
  const diverging = head.diverging[index];
  const heat = (q) => (diverging ? Math.abs(2 * q - 255) : q); // 0..255
  const cold = (q) => heat(q) < looks.threshold * 255;
  return {
    diverging,
    over: palette(state.luts, index, (q) => (cold(q) ? 0 : (looks.opacity * heat(q)) / 255)),
    alone: palette(state.luts, index),
    scale: palette(state.luts, index, (q) => (head.photos && cold(q) ? 0.12 : 1)),
  };
}

/** A panel with these limits in these colours. */
function paint(state, panel, limits, shade) {
  prepare(panel, limits, state.memory.looks.smooth, shade.diverging, state.view);
  colour(panel, panel.source ? shade.over : shade.alone);
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
