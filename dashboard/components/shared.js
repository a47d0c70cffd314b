// In front of both components. Their scripts run again at every change of data or theme: what must
// last lives in WeakMaps and Maps, and handlers are assigned, never added.

/** u32 header length | JSON header | blobs; see frame.py. Blobs are copies, so they are aligned. */
function unframe(bytes) {
  let at = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(4, at)));
  return { head, blobs: head.sizes.map((size) => bytes.slice(at, (at += size))) };
}

/** A picture exactly as it was encoded: no colour management, no premultiplying. */
function decode(bytes) {
  return createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/** One frame however many events asked for it. */
function soon(state, draw) {
  state.frame ??= requestAnimationFrame(() => {
    state.frame = null;
    draw(state);
    state.root.dataset.ready = state.head.tag;
    state.root.dataset.drawn = ++state.drawn;
  });
}

/** Size a canvas in device pixels; resizing clears it, so only when needed. True where it changed. */
function fit(canvas, width, height) {
  if (canvas.width === width && canvas.height === height) return false;
  canvas.width = width;
  canvas.height = height;
  return true;
}

/** Three digits are what a reader compares. */
function short(value) {
  const size = Math.abs(value);
  const far = size && (size < 1e-3 || size >= 1e5);
  const text = far ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  return text.replaceAll("-", "−"); // a minus, not a hyphen
}

const percent = (part) => `${Math.round(100 * part)} %`;

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (gap, name) => values[name] ?? gap);

/** Words come from Python and may name anything: they enter as text, never as markup. */
function relabel(root, words) {
  for (const place of root.querySelectorAll("[data-word]")) place.textContent = words[place.dataset.word];
  for (const place of root.querySelectorAll("[data-label]")) {
    place.setAttribute("aria-label", words[place.dataset.label]);
  }
}

/** The options of a select: [value, text] pairs. Untouched when equal, so that an open list stays. */
function offer(select, options, value) {
  const known = [...select.options].map((o) => [o.value, o.text]);
  if (JSON.stringify(known) !== JSON.stringify(options)) {
    select.replaceChildren(...options.map(([v, text]) => new Option(text, v)));
  }
  select.value = value;
  if (select.selectedIndex < 0) select.selectedIndex = 0; // remembered from another payload
  select.closest("label").hidden = options.length < 2;
}

/** 256 colours as they lie in memory for ImageData; alpha(q) in 0..1. */
function palette(luts, index, alpha = () => 1) {
  return Uint32Array.from({ length: 256 }, (_, q) => {
    const at = 768 * index + 3 * q;
    return ((Math.round(255 * alpha(q)) << 24) | (luts[at + 2] << 16) | (luts[at + 1] << 8) | luts[at]) >>> 0;
  });
}

/** A colour bar: one pixel per colour, stretched by the style sheet. */
function bar(canvas, table) {
  fit(canvas, 256, 1);
  const image = new ImageData(256, 1);
  new Uint32Array(image.data.buffer).set(table);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

