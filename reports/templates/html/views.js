// One page at a time, by the address: "#kuairand", "#kuairand--leaderboard". A figure is unpacked when its page is shown.
(() => {
  const views = [...document.querySelectorAll(".view")];
  const links = [...document.querySelectorAll("nav a")];
  const title = document.title;
  const unpack = async (image) => {
    const bytes = Uint8Array.from(atob(image.dataset.svg), (c) => c.charCodeAt(0));
    image.removeAttribute("data-svg");
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    image.src = `data:image/svg+xml,${encodeURIComponent(await new Response(stream).text())}`;
  };
  const show = (byReader) => {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id ? document.getElementById(id) : null;
    const view = target?.closest(".view") ?? views[0];
    for (const other of views) other.classList.toggle("on", other === view);
    for (const link of links) {
      const here = link.hash === `#${encodeURIComponent(view.id)}` || link.hash === `#${view.id}`;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      if (here) link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 24;
    }
    const heading = view.querySelector("h1");
    document.title = view === views[0] ? title : `${heading.textContent} – CVP-Bench`;
    view.querySelectorAll("img[data-svg]").forEach(unpack);
    for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    if (target && target !== view) target.scrollIntoView();
    else if (byReader || target) scrollTo(0, 0);
    if (byReader) {
      const at = target && target !== view ? target : heading;
      at.tabIndex = -1;
      at.focus({ preventScroll: true });
    }
    document.dispatchEvent(new Event("view"));
  };
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  });
  addEventListener("hashchange", () => show(true));
  show(false);
})();
