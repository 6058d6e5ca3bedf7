// Every case: one table; what is not valid stands last, struck, in any order.
const everyCase = { table: null };
const CASE_AXES = ["run", "device", "mode", "precision", "batch", "outcome"];

function startEveryCase() {
  if (document.getElementById("table-cases") === null) return;
  const rows = CASES.map((each) => ({ each, outcome: outcomeOf(each) }));
  everyCase.table = showTable("table-cases", caseColumns(), rows, {
    orderFixed: { pre: [[0, "asc"]] },
    rowCallback: (row, { each }) => row.classList.toggle("invalid", !isValid(each)),
  });
  document.querySelector("#table-cases tbody").addEventListener("click", (event) => {
    const row = everyCase.table.row(event.target.closest("tr")).data();
    if (row !== undefined && event.target.closest("button") === null) openCase(row.each.at);
  });
  startCaseFilter(rows);
}

function outcomeOf(each) {
  if (each.failure !== null) return "failed";
  return each.validity ?? "not timed";
}

function caseColumns() {
  const axis = ([name, title]) => ({ title, isNumber: ["batch", "threads"].includes(name), text: ({ each }) => each[name], order: ["batch", "threads"].includes(name) ? ({ each }) => Number(each[name]) : undefined });
  const differing = AXES.filter(([name]) => ["mode", "precision", "batch"].includes(name) || valuesOf(name, CASES).length > 1);
  const metric = ({ key, title }) => ({ title, isNumber: true, text: ({ each }) => each.metrics[key].text, order: ({ each }) => each.metrics[key].value, node: ({ each }) => metricNode(each, key) });
  return [
    { title: "Not valid", isHidden: true, text: ({ each }) => (isValid(each) ? "0" : "1"), order: ({ each }) => (isValid(each) ? 0 : 1) },
    { title: "Model", text: ({ each }) => each.name, node: ({ each }) => modelNode(each) },
    ...differing.map(axis),
    { title: "Outcome", text: ({ outcome }) => outcome },
    ...PAGE.metrics.map(metric),
    { title: "Why", isLong: true, text: ({ each }) => each.failure ?? each.warnings ?? "" },
  ];
}

function modelNode(each) {
  const name = element("bdi", {}, each.name);
  const shown = each.failure === null ? name : element("s", {}, name);
  return element("button", { type: "button", className: "link", onclick: () => openCase(each.at) }, shown);
}

// Selects for what is asked most; the search finds the rest.
function startCaseFilter(rows) {
  const form = document.getElementById("case-filter");
  const valueOf = (row, axis) => (axis === "outcome" ? row.outcome : row.each[axis]);
  for (const axis of CASE_AXES) {
    const values = axis === "outcome" ? [...new Set(rows.map((row) => row.outcome))] : valuesOf(axis, CASES);
    if (values.length < 2) continue;
    const title = Object.fromEntries(AXES)[axis] ?? "Outcome";
    const options = [new Option("any", ANY), ...values.map((value) => new Option(value, value))];
    form.querySelector("#case-axes").append(element("label", {}, title, element("select", { name: `case.${axis}` }, ...options)));
  }
  const wanted = () => [...new FormData(form)].filter(([, value]) => value !== ANY);
  everyCase.table.search.fixed("axes", (_, row) => wanted().every(([name, value]) => valueOf(row, name.slice("case.".length)) === value));
  restoreCaseFilter();
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => everyCase.table.draw() && writeCaseFilter());
  everyCase.table.on("search", () => everyCase.table.search() !== (address.read().get("case.search") ?? "") && writeCaseFilter());
}

function restoreCaseFilter() {
  if (everyCase.table === null) return;
  const asked = address.read();
  for (const field of document.getElementById("case-filter").elements) {
    const isKnown = [...field.options].some((option) => option.value === asked.get(field.name));
    field.value = isKnown ? asked.get(field.name) : ANY;
  }
  everyCase.table.search(asked.get("case.search") ?? "").draw();
}

function writeCaseFilter() {
  const values = [...new FormData(document.getElementById("case-filter"))].map(([name, value]) => [name, value === ANY ? "" : value]);
  address.write({ ...Object.fromEntries(values), "case.search": everyCase.table.search() }, "every-case");
}
