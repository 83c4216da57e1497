// The box keeps the rows that hold all its words. "/" goes to it, Escape empties it.
(() => {
  const box = document.getElementById("filter");
  const found = document.getElementById("filter-found");
  const rows = [...document.querySelectorAll("tbody > tr")];
  const texts = rows.map((row) => [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase());
  const filter = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let kept = 0;
    rows.forEach((row, i) => {
      row.hidden = !words.every((word) => texts[i].includes(word));
      kept += row.hidden ? 0 : 1;
    });
    for (const table of document.querySelectorAll("table")) {
      const empty = [...table.tBodies[0].rows].every((row) => row.hidden);
      table.parentElement.querySelector(".none").hidden = !empty;
    }
    found.textContent = words.length ? `${kept} of ${rows.length} rows` : "";
  };
  box.form.hidden = false;
  box.form.addEventListener("submit", (event) => event.preventDefault());
  box.addEventListener("input", filter);
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
