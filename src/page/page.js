"use strict";

// Tables sort by a click on a heading: by data-v, else by the number or the text of a cell.
function value_of(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.v === undefined ? cell.textContent.trim() : cell.dataset.v;
  const number = parseFloat(text);
  return isNaN(number) ? text : number;
}

function compare(a, b) {
  const are_numbers = typeof a === "number" && typeof b === "number";
  return are_numbers ? a - b : String(a).localeCompare(String(b));
}

function sort(table, column, heading) {
  const is_descending = heading.getAttribute("aria-sort") !== "descending";
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => compare(value_of(a, column), value_of(b, column)) * (is_descending ? -1 : 1));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", is_descending ? "descending" : "ascending");
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable"))
  [...table.tHead.rows[0].cells].forEach((heading, column) => {
    if (heading.querySelector(".quiet")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(table, column, heading));
  });

// The filter hides the rows and pictures of other classes.
function filter(text, output) {
  const wanted = text.trim().toLowerCase();
  let n_rows = 0;
  for (const element of document.querySelectorAll("[data-class]")) {
    element.hidden = !element.dataset.class.toLowerCase().includes(wanted);
    if (!element.hidden && element.tagName === "TR") n_rows++;
  }
  output.textContent = wanted === "" ? "" : `${n_rows} classes; the pictures below are filtered, too`;
}

for (const box of document.querySelectorAll(".filter")) {
  const input = document.createElement("input");
  const output = document.createElement("output");
  input.type = "search";
  input.placeholder = "Filter by class";
  input.setAttribute("aria-label", "Show only classes whose name contains");
  input.addEventListener("input", () => filter(input.value, output));
  box.append(input, output);
}
