"use strict";
// What is packed: a page's HTML, a figure's SVG. Each is unpacked when it is first shown.
const unpack = async (text) => {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
};
const filled = new Map();
const fill = (view) => {
  if (!filled.has(view)) {
    filled.set(view, (async () => {
      if (view.dataset.packed) view.innerHTML = await unpack(view.dataset.packed);
      view.removeAttribute("data-packed");
    })());
  }
  return filled.get(view);
};
