document.querySelectorAll("th").forEach((head, column) => {
  head.querySelector("button").onclick = () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    document.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const key = (row) => {
      const cell = row.cells[column].dataset.key;
      return isNaN(cell) || cell === "" ? cell : +cell;
    };
    [...body.rows]
      .sort((a, b) => (key(a) < key(b) ? 1 : key(a) > key(b) ? -1 : 0) * (down ? 1 : -1))
      .forEach((row) => body.append(row));
  };
});
