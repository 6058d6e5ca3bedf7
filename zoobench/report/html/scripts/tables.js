// Tables: DataTables sorts, searches, pages and exports them.
const DataTable = jQuery.fn.dataTable;
DataTable.ext.errMode = "throw";

const LAYOUT = {
  topStart: "search",
  bottomStart: "info",
  bottomEnd: ["pageLength", "paging"],
};

function csvButton(name) {
  return {
    extend: "csvHtml5",
    text: "CSV",
    titleAttr: "Save the rows shown, in this order, as CSV",
    filename: name,
    title: null,
    exportOptions: { columns: ":not(.hidden)", orthogonal: "export", escapeExcelFormula: true },
  };
}

// `columns` are { title, text(row), order(row), node(row), isNumber, isHidden, isLong }; text is what is shown and exported.
function showTable(id, columns, rows, options = {}) {
  return new DataTable(`#${id}`, {
    data: rows,
    columns: columns.map(dataTableColumn),
    deferRender: true,
    autoWidth: false,
    pageLength: 25,
    lengthMenu: [25, 100, 500],
    order: [],
    layout: { ...LAYOUT, topEnd: { buttons: [csvButton(id.replace("table-", ""))] } },
    ...options,
  });
}

function dataTableColumn(column) {
  return {
    title: column.title,
    visible: !column.isHidden,
    className: `${column.isNumber ? "number" : column.isLong ? "long" : "words"}${column.isHidden ? " hidden" : ""}`,
    type: column.isNumber || column.isHidden ? "num" : "string",
    data: null,
    render: (_, kind, row) => {
      if (kind === "display") return column.node?.(row) ?? element("span", { className: "text" }, column.text(row));
      if (kind === "filter") return column.search?.(row) ?? column.text(row);
      if (kind === "sort" || kind === "type") return column.order ? column.order(row) ?? -1 : column.text(row);
      return column.text(row);
    },
  };
}

// A table that is in the page already; short ones need no pages.
function startTables() {
  for (const table of document.querySelectorAll("table[data-table]")) {
    if (table.tHead === null) continue;
    const rows = table.tBodies[0].rows.length;
    const hasPages = rows > 12;
    new DataTable(table, {
      autoWidth: false,
      paging: hasPages,
      pageLength: 10,
      lengthMenu: [10, 100, 500],
      order: [],
      layout: {
        topStart: rows > 8 ? LAYOUT.topStart : null,
        topEnd: { buttons: [csvButton(table.dataset.table)] },
        bottomStart: hasPages ? LAYOUT.bottomStart : null,
        bottomEnd: hasPages ? LAYOUT.bottomEnd : null,
      },
    });
  }
}
