// A printed page is light, and holds every row that a table's filter leaves, not only those that are shown.
const printing = { isDark: false, pages: new Map() };

function startPrinting() {
  addEventListener("beforeprint", () => {
    showLight();
    showEveryRow();
  });
  addEventListener("afterprint", () => {
    showDarkAgain();
    showPagesAgain();
  });
}

function showLight() {
  const { classList } = document.documentElement;
  if (!classList.contains("dark")) return;
  printing.isDark = true;
  classList.remove("dark");
  document.dispatchEvent(new Event("theme"));
}

function showDarkAgain() {
  if (!printing.isDark) return;
  printing.isDark = false;
  document.documentElement.classList.add("dark");
  document.dispatchEvent(new Event("theme"));
}

function showEveryRow() {
  for (const node of DataTable.tables()) {
    const table = new DataTable.Api(node);
    if (table.page.info().pages < 2) continue; // also those that an earlier event has shown whole
    printing.pages.set(node, { length: table.page.len(), at: table.page() });
    table.page.len(-1).draw(false);
  }
}

function showPagesAgain() {
  for (const [node, { length, at }] of printing.pages) new DataTable.Api(node).page.len(length).page(at).draw(false);
  printing.pages.clear();
}
