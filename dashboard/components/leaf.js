// A whole document behind glass: no script runs in it, and it knows nothing of this page.
const pages = new WeakMap();

export default function ({ data, parentElement }) {
  const { head, blobs } = unframe(data);
  const frame = parentElement.querySelector("#leaf");
  frame.title = head.title;
  frame.style.height = `${head.height}px`;
  const known = pages.get(frame);
  if (known?.digest === head.digest) return;
  if (known) URL.revokeObjectURL(known.url);
  // Not srcdoc: links inside a document would lead from there to this page.
  const url = URL.createObjectURL(new Blob(blobs, { type: "text/html;charset=utf-8" }));
  pages.set(frame, { digest: head.digest, url });
  frame.onload = () => (frame.dataset.ready = head.tag);
  frame.src = url;
}
