// A printed page holds every row that a table's filter leaves, not only the page of it that is shown.
const printing = { shown: new Map() };

function startPrinting() {
  addEventListener("beforeprint", showEveryRow);
  addEventListener("afterprint", showPagesAgain);
}

function showEveryRow() {
  if (printing.shown.size > 0) return; // a second event of the same printing
  for (const node of DataTable.tables()) {
    const table = new DataTable.Api(node);
    if (table.page.info().pages < 2) continue;
    printing.shown.set(table, { length: table.page.len(), at: table.page() });
    table.page.len(-1).draw(false);
  }
}

function showPagesAgain() {
  for (const [table, { length, at }] of printing.shown) table.page.len(length).page(at).draw(false);
  printing.shown.clear();
}
