// The box keeps the rows that hold all its words, on every page; what is left without a row is hidden, figures with it.
// "/" goes to the box, Escape empties it.
(() => {
  const box = document.getElementById("filter");
  const found = document.getElementById("filter-found");
  const elsewhere = document.getElementById("elsewhere");
  const views = [...document.querySelectorAll(".view")];
  const texts = new WeakMap(); // row -> its text
  const text = (row) => {
    if (!texts.has(row)) texts.set(row, [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
    return texts.get(row);
  };
  const kept = (part) => part.querySelector("tbody > tr:not([hidden])") !== null;
  const count = (view) => view.querySelectorAll("tbody > tr:not([hidden])").length;
  const tell = () => {
    const here = views.find((view) => view.classList.contains("on"));
    const words = box.value.trim();
    found.textContent = words ? `${count(here)} of ${here.querySelectorAll("tbody > tr").length} rows` : "";
    elsewhere.textContent = "";
    if (!words || count(here)) return;
    elsewhere.append("No row of this page holds these words. ");
    views.filter((view) => view !== here && count(view)).forEach((view, place) => {
      const link = document.createElement("a");
      link.href = `#${view.id}`;
      link.textContent = view.dataset.title;
      elsewhere.append(place ? ", " : "Others do: ", link, ` (${count(view)})`);
    });
  };
  const filter = async () => {
    await Promise.all(views.map(fill));
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll("tbody > tr")) row.hidden = !words.every((word) => text(row).includes(word));
    for (const inner of document.querySelectorAll("main .scroll:has(> table)")) inner.hidden = !kept(inner);
    for (const outer of document.querySelectorAll(".part, .block, .view > details, .index")) {
      outer.hidden = words.length > 0 && !kept(outer);
    }
    for (const inner of document.querySelectorAll(".part details")) {
      inner.hidden = !kept(inner);
      if (words.length) inner.open = true;
    }
    tell();
  };
  box.form.hidden = false;
  box.form.addEventListener("submit", (event) => event.preventDefault());
  box.addEventListener("input", filter);
  document.addEventListener("view", tell);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== box && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Escape" && document.activeElement === box) {
      box.value = "";
      filter();
    }
  });
})();
