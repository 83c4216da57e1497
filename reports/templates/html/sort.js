// A heading's button sorts its table: numbers before words before blanks, whichever way the numbers run.
(() => {
  const said = document.getElementById("sorted");
  const blank = (cell) => ["", "–"].includes(cell.textContent.trim());
  const words = (cell) => "words" in cell.closest("table").tHead.rows[0].cells[cell.cellIndex].dataset;
  const value = (cell) => ("value" in cell.dataset ? parseFloat(cell.dataset.value)
    : words(cell) ? NaN : parseFloat(cell.textContent.replaceAll(",", "")));
  const kind = (cell) => (!Number.isNaN(value(cell)) ? 0 : blank(cell) ? 2 : 1);
  const compare = (a, b, sign) => {
    const [x, y] = [kind(a), kind(b)];
    if (x !== y) return x - y;
    if (x === 0) return sign * (value(a) - value(b));
    return x === 1 ? sign * a.textContent.localeCompare(b.textContent, "en", { numeric: true }) : 0;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("th[scope=col] > button");
    if (!button) return;
    const heading = button.parentElement;
    const table = heading.closest("table");
    const was = heading.getAttribute("aria-sort");
    const first = button.dataset.first || "ascending";
    const order = was ? (was === "ascending" ? "descending" : "ascending") : first;
    for (const other of table.querySelectorAll("th[aria-sort]")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", order);
    const sign = order === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows];
    rows.sort((a, b) => compare(a.cells[heading.cellIndex], b.cells[heading.cellIndex], sign));
    table.tBodies[0].append(...rows);
    said.textContent = `Sorted by ${button.textContent}, ${order}.`;
  });
})();
