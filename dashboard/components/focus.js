// The page was drawn anew around the keyboard: give it back to the control it was on.
const done = new Map();

export default function ({ data, parentElement }) {
  const { head } = unframe(data);
  if (done.get(head.key) === head.tag) return;
  done.set(head.key, head.tag);
  const hand = new AbortController();
  document.addEventListener("pointerdown", () => hand.abort(), { signal: hand.signal });
  seek(head.targets, hand.signal, 60);
  parentElement.querySelector("#focus").dataset.ready = head.tag;
}

/** Whenever nothing has the keyboard, the first target that can be used, until a hand takes over. */
function seek(targets, taken, tries) {
  if (taken.aborted || !tries) return;
  const buttons = targets.map((name) => document.querySelector(`.st-key-${name} button`));
  if (document.activeElement === document.body) buttons.find((button) => button && !button.disabled)?.focus();
  setTimeout(() => seek(targets, taken, tries - 1), 100);
}
