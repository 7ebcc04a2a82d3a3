// Filters the table: by outcome, by words. Without it everything is shown.
"use strict";
const rows = [...document.querySelectorAll("tbody tr[data-outcomes]")];
const words = document.getElementById("words");
const boxes = [...document.querySelectorAll("input[name=outcome]")];
const shown = document.getElementById("shown");
const texts = new Map();
const textOf = (row) => {
  if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
  return texts.get(row);
};
const filter = () => {
  const wanted = words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const outcomes = new Set(boxes.filter((box) => box.checked).map((box) => box.value));
  let count = 0;
  for (const row of rows) {
    const fits =
      row.dataset.outcomes.split(" ").some((one) => outcomes.has(one)) &&
      wanted.every((word) => textOf(row).includes(word));
    row.hidden = !fits;
    count += fits;
  }
  shown.textContent = `${count} of ${rows.length} tests shown`;
};
const follow = () => {
  const cell = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
  const row = cell && cell.closest("tr");
  if (!row) return;
  if (row.hidden) {
    words.value = "";
    for (const box of boxes) box.checked = true;
    filter();
  }
  cell.scrollIntoView({ block: "center" });
  cell.focus({ preventScroll: true });
};
let waiting = 0;
words.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(filter, 80);
});
for (const box of boxes) box.addEventListener("change", filter);
addEventListener("hashchange", follow);
document.querySelector(".filters").hidden = false;
filter();
follow();
