// One page at a time, by the address: "#data", or "#data--leaderboard" for a heading of it.
(() => {
  const views = [...document.querySelectorAll(".view")];
  const links = [...document.querySelectorAll("nav a")];
  const title = document.title;
  let asked = 0;
  const draw = async (image) => {
    const text = await unpack(image.dataset.svg);
    image.removeAttribute("data-svg");
    image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  };
  const mark = (view) => {
    for (const other of views) other.classList.toggle("on", other === view);
    for (const link of links) {
      const here = link.hash === `#${view.id}`;
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
      if (here) link.parentElement.scrollLeft = link.offsetLeft - link.parentElement.offsetLeft - 24;
    }
    document.title = view === views[0] ? title : `${view.dataset.title} – CVP-Bench`;
  };
  const show = async (byReader) => {
    const turn = ++asked;
    const id = decodeURIComponent(location.hash.slice(1));
    const view = views.find((one) => id === one.id || id.startsWith(`${one.id}--`)) ?? views[0];
    mark(view);
    await fill(view);
    if (turn !== asked) return;
    const target = id ? document.getElementById(id) : null;
    view.querySelectorAll("img[data-svg]").forEach(draw);
    for (let box = target?.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
    if (target && target !== view) target.scrollIntoView();
    else if (byReader || target) scrollTo(0, 0);
    if (byReader) {
      const at = target && target !== view ? target : view.querySelector("h1");
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
