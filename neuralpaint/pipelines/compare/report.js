// A click on a heading sorts the table, a click on a picture enlarges it, and whatever belongs to
// one contestant lights up together.
"use strict";

for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => head.addEventListener("click", () => {
    const rising = head.getAttribute("aria-sort") === "descending" || column < 2
      && head.getAttribute("aria-sort") !== "ascending";
    const value = (row) => row.cells[column].dataset.value;
    const number = (text) => text === "-inf" ? -Infinity : text === "inf" ? Infinity : Number(text);
    const rank = (text) => Number.isNaN(number(text)) ? -Infinity : number(text);
    const compare = column === 1
      ? (a, b) => value(a).localeCompare(value(b), undefined, { numeric: true })
      : (a, b) => rank(value(a)) - rank(value(b)) || 0;
    const rows = [...body.rows].sort(compare);
    if (!rising) rows.reverse();
    for (const other of heads) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
    body.append(...rows);
  }));
}

const dialog = document.createElement("dialog");
const large = document.createElement("img");
dialog.append(large);
document.body.append(dialog);
dialog.addEventListener("click", () => dialog.close());
for (const image of document.querySelectorAll("figure img")) {
  image.addEventListener("click", () => {
    large.src = image.src;
    large.alt = image.alt;
    dialog.showModal();
  });
}

const light = (row, on) => {
  document.body.classList.toggle("lit", on);
  for (const part of document.querySelectorAll(`[data-row="${row}"]`)) part.classList.toggle("on", on);
};
for (const part of document.querySelectorAll("[data-row]")) {
  part.addEventListener("mouseenter", () => light(part.dataset.row, true));
  part.addEventListener("mouseleave", () => light(part.dataset.row, false));
}
