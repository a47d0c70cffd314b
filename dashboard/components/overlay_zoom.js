// One view for all panels: the same part of every picture, and one cross at the same place.
// A place is [down, across], both 0..1 of the whole picture, whatever part of it is shown.

const NEAREST = 16;
const within = (value, lo, hi) => Math.min(hi, Math.max(lo, value));
const whole = () => ({ scale: 1, top: 0, left: 0 });

/** Nearer by the factor; the place stays where it is on the screen. */
function zoom(state, factor, place = state.spot ?? middle(state)) {
  const { scale, top, left } = state.view;
  const next = within(scale * factor, 1, NEAREST);
  const kept = scale / next;
  look(state, next, place[0] - (place[0] - top) * kept, place[1] - (place[1] - left) * kept);
}

const middle = ({ view: { scale, top, left } }) => [top + 0.5 / scale, left + 0.5 / scale];

/** Show the part of 1 / scale that begins at (top, left), as far as there is picture. */
function look(state, scale, top, left) {
  const most = 1 - 1 / scale;
  state.view = { scale, top: within(top, 0, most), left: within(left, 0, most) };
  const { root, strip } = state;
  root.classList.toggle("near", scale > 1);
  root.dataset.zoom = scale.toFixed(2);
  strip.whole.textContent = percent(scale);
  strip.farther.disabled = strip.whole.disabled = scale <= 1;
  strip.nearer.disabled = scale >= NEAREST;
  point(state, state.spot);
  soon(state, draw);
}

/** Buttons, and the full screen: the browser's own, or all of the window where there is none. */
function tools(state) {
  const { root, strip } = state;
  strip.nearer.onclick = () => zoom(state, 1.5);
  strip.farther.onclick = () => zoom(state, 1 / 1.5);
  strip.whole.onclick = () => look(state, 1, 0, 0);
  const show = (on) => {
    root.classList.toggle("full", on);
    strip.full.setAttribute("aria-pressed", on);
    strip.full.textContent = state.head.words[on ? "leave" : "full"];
    soon(state, draw);
  };
  const own = () => root.getRootNode().fullscreenElement === root;
  root.onfullscreenchange = () => show(own());
  strip.full.onclick = () => {
    if (own()) document.exitFullscreen();
    else if (root.classList.contains("full")) show(false);
    else if (root.requestFullscreen) root.requestFullscreen().catch(() => show(true));
    else show(true);
  };
  root.onkeydown = (event) => {
    if (!root.classList.contains("full")) return;
    if (event.key === "Escape" && !own()) show(false);
    if (event.key === "Tab") around(root, event);
  };
}

/** In the full screen the focus goes round: what lies behind it is not seen. */
function around(root, event) {
  const every = [...root.querySelectorAll("button, input, select, summary, [tabindex]")].filter(
    (element) => !element.disabled && element.checkVisibility());
  const [last, next] = event.shiftKey ? [every[0], every.at(-1)] : [every.at(-1), every[0]];
  if (root.getRootNode().activeElement !== last) return;
  event.preventDefault();
  next.focus();
}

// Pointer, wheel and keys move one cursor over all panels, and their common view.
// at(event): which panel lies there, where the picture shows more than one.
function listen(state, panel, at = () => panel) {
  const { picture } = panel;
  const held = new Map(); // pointer → where it is, a share of the layer that is held
  let grip = panel;
  const share = (event, { layer }) => {
    const box = layer.getBoundingClientRect();
    return [(event.clientY - box.top) / box.height, (event.clientX - box.left) / box.width];
  };
  const aim = (event) => {
    const found = share(event, held.size ? grip : at(event));
    const outside = !held.size && found.some((part) => part < 0 || part >= 1); // beside a narrow photo
    point(state, outside ? null : place(state, found));
  };
  const release = ({ pointerId }) => void held.delete(pointerId);
  picture.onpointerdown = (event) => {
    if (!held.size) grip = at(event);
    held.set(event.pointerId, share(event, grip));
    if (state.view.scale > 1 || held.size > 1) picture.setPointerCapture(event.pointerId);
    if (held.size < 2) aim(event);
  };
  picture.onpointermove = (event) => {
    const before = [...held.values()];
    if (held.has(event.pointerId)) {
      held.set(event.pointerId, share(event, grip));
      if (state.view.scale > 1 || held.size > 1) grasp(state, before, [...held.values()], grip.aspect);
    }
    if (held.size < 2) aim(event);
  };
  picture.onpointerup = picture.onpointercancel = release;
  picture.onpointerleave = (event) => {
    if (!picture.hasPointerCapture(event.pointerId)) release(event);
    if (event.pointerType === "mouse") point(state, null);
  };
  // One finger scrolls the page while the whole picture is shown; two are never the page's.
  picture.ontouchstart = picture.ontouchmove = (event) => {
    if (event.touches.length > 1 && event.cancelable) event.preventDefault();
  };
  picture.ondblclick = (event) => {
    if (state.view.scale > 1) look(state, 1, 0, 0);
    else zoom(state, 2, place(state, share(event, at(event))));
  };
  picture.onwheel = (event) => {
    if (!event.ctrlKey && !event.metaKey && !state.root.classList.contains("full")) return; // the page scrolls
    event.preventDefault();
    const step = event.deltaY * (event.deltaMode ? 16 : 1) * (Math.abs(event.deltaY) < 50 ? 0.01 : 0.002);
    zoom(state, Math.exp(-step), place(state, share(event, at(event))));
  };
  picture.onblur = () => point(state, null);
  picture.onkeydown = (event) => keyed(state, panel, event);
}

/** The place of the picture at this share of its layer. */
function place({ view: { scale, top, left } }, [down, across]) {
  return [within(top + down / scale, 0, 0.999999), within(left + across / scale, 0, 0.999999)];
}

/** What is held stays under the fingers: one drags, two also zoom. before, now: shares of the layer. */
function grasp(state, before, now, aspect) {
  const { scale, top, left } = state.view;
  const far = ([a, b]) => (b ? Math.hypot(a[0] - b[0], (a[1] - b[1]) * aspect) : 1);
  const centre = (points, axis) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const next = within((scale * far(now)) / Math.max(far(before), 0.01), 1, NEAREST);
  const kept = (from, axis) => from + centre(before, axis) / scale - centre(now, axis) / next;
  look(state, next, kept(top, 0), kept(left, 1));
}

function keyed(state, panel, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const act = {
    "+": () => zoom(state, 1.5), "=": () => zoom(state, 1.5), "-": () => zoom(state, 1 / 1.5),
    0: () => look(state, 1, 0, 0), f: () => state.strip.full.click(), Escape: () => point(state, null),
  }[event.key];
  if (act) act();
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step || !panel.shape) return;
  event.preventDefault();
  const spot = panel.shape.map((cells, axis) => {
    const here = state.spot ? Math.floor(state.spot[axis] * cells) + step[axis] : Math.floor(cells / 2);
    return (within(here, 0, cells - 1) + 0.5) / cells;
  });
  point(state, spot);
  const { scale, top, left } = state.view; // the view follows the cursor
  const follow = (at, from) => within(from, at + 0.02 - 1 / scale, at - 0.02);
  if (scale > 1) look(state, scale, follow(spot[0], top), follow(spot[1], left));
  state.root.querySelector(".spoken").textContent = `${panel.title}: ${panel.readout.textContent}`;
}

/** The number under a place, as it is shown, or "". */
function under({ shape, values }, spot) {
  if (!spot || !shape) return "";
  return short(values[Math.floor(spot[0] * shape[0]) * shape[1] + Math.floor(spot[1] * shape[1])]);
}

/** Show the place in every panel, with a cross, its cell and the number; null hides it. */
function point(state, spot) {
  state.spot = spot;
  const { scale, top, left } = state.view;
  const shown = everyPanel(state);
  for (const panel of shown) {
    const { shape, hair, cell, readout } = panel;
    hair.hidden = !spot || shown.length < 2;
    cell.hidden = !spot || !shape;
    if (readout) readout.textContent = "";
    if (!spot) continue;
    hair.style.setProperty("--down", `${100 * scale * (spot[0] - top)}%`);
    hair.style.setProperty("--across", `${100 * scale * (spot[1] - left)}%`);
    if (!shape) continue;
    const [h, w] = shape;
    const [row, column] = [Math.floor(spot[0] * h), Math.floor(spot[1] * w)];
    Object.assign(cell.style, {
      top: `${100 * scale * (row / h - top)}%`,
      left: `${100 * scale * (column / w - left)}%`,
      height: `${(100 * scale) / h}%`,
      width: `${(100 * scale) / w}%`,
    });
    const told = { row, column, value: under(panel, spot) };
    if (readout) readout.textContent = fill(state.head.words.cell, told);
  }
  if (state.stage) tellBoth(state, spot);
}
