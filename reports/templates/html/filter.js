// The box keeps the rows that hold all its words, in every view; what is left without a row is hidden, figures with it.
// "/" goes to the box, Escape empties it.
(() => {
  const box = document.getElementById("filter");
  const found = document.getElementById("filter-found");
  const elsewhere = document.getElementById("elsewhere");
  const rows = [...document.querySelectorAll("tbody > tr")];
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
  const views = [...document.querySelectorAll(".view")];
  const kept = (box_) => box_.querySelector("tbody > tr:not([hidden])") !== null;
  const tell = () => {
    const here = views.find((view) => view.classList.contains("on"));
    const words = box.value.trim();
    const count = (view) => view.querySelectorAll("tbody > tr:not([hidden])").length;
    found.textContent = words ? `${count(here)} of ${here.querySelectorAll("tbody > tr").length} rows` : "";
    elsewhere.textContent = "";
    if (!words || count(here)) return;
    elsewhere.append("No row of this page holds these words. ");
    const others = views.filter((view) => view !== here && count(view));
    others.forEach((view, i) => {
      const link = document.createElement("a");
      link.href = `#${encodeURIComponent(view.id)}`;
      link.textContent = view.querySelector("h1").textContent;
      elsewhere.append(i ? ", " : "Others do: ", link, ` (${count(view)})`);
    });
  };
  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, i) => { row.hidden = !words.every((word) => texts[i].includes(word)); });
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
