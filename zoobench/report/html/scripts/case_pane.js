// The pane of one case: all that its record says.
const DETAILS = readData("data-every-case");
const pane = { strip: null };

function startPane() {
  const dialog = document.getElementById("pane");
  document.getElementById("pane-close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => address.write({ case: "" }));
  redrawn.set("strip", () => pane.strip !== null && dialog.open && drawStrip(pane.strip));
  restorePane();
}

function restorePane() {
  const asked = address.read().get("case");
  const found = CASES.find((each) => `${each.run_id}/${each.case_id}` === asked);
  if (found !== undefined) openCase(found.at);
}

function openCase(at) {
  const each = CASES[at];
  const detail = DETAILS?.cases[at];
  document.getElementById("pane-title").textContent = each.case_id;
  document.getElementById("pane-facts").replaceChildren(...factNodes(each, detail));
  document.getElementById("pane-more").replaceChildren(...(detail ? detailNodes(detail) : [foldedNode(each)]));
  const dialog = document.getElementById("pane");
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  address.write({ case: `${each.run_id}/${each.case_id}` }, address.section() || "every-case");
  const figure = dialog.querySelector("[data-chart]");
  figure.hidden = !detail?.strip;
  pane.strip = detail?.strip ?? null;
  if (pane.strip !== null) drawStrip(pane.strip);
}

const T = (place) => DETAILS.texts[place];

function factNodes(each, detail) {
  const facts = [["Run", each.run], ["Latency", each.metrics.latency.text], ["Validity", each.failure === null ? (each.validity ?? "no time was measured") : "failed"]];
  if (detail) facts.push(["Started", detail.started], ["Took", detail.took]);
  const nodes = [definitions(facts)];
  if (each.failure !== null) nodes.unshift(element("p", { className: "failure" }, "Failed: ", element("bdi", {}, each.failure)));
  for (const [severity, text] of detail?.findings ?? []) nodes.push(element("p", { className: severity }, `${severity}: `, element("bdi", {}, T(text))));
  return nodes;
}

function foldedNode(each) {
  return element("p", { className: "note" }, "The samples of this case are folded, to keep the page small. ", element("code", {}, `python -m zoobench show ${each.run_id} ${each.case_id}`), " prints them.");
}

function detailNodes(detail) {
  const { metrics, absent, covariates, settings } = detail;
  return [
    heading("What was measured"),
    plainTable(["Metric", "Value", "Samples", "Blocks", "Method"], metrics.map(([title, text, n, blocks, method]) => [T(title), text, n, blocks, T(method)])),
    ...(absent.length ? [heading("What could not be measured"), definitions(absent.map(([title, reason]) => [T(title), T(reason)]))] : []),
    ...(covariates.length ? [heading("What else happened during the rounds"), plainTable(["Covariate", "Median", "Least", "Greatest", "Rounds in which it was not 0"], covariates.map(([name, ...figures]) => [T(name), ...figures]))] : []),
    ...(settings.length ? [heading("Settings read back while it was measured"), definitions(settings.map(([name, value]) => [T(name), T(value)]))] : []),
    heading("Measure it again"), element("pre", {}, detail.again),
    heading("Print all samples"), element("pre", {}, detail.show),
  ];
}

function heading(text) {
  return element("h3", {}, text);
}

function definitions(pairs) {
  return element("dl", {}, ...pairs.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
}

function plainTable(titles, rows) {
  const head = element("tr", {}, ...titles.map((title) => element("th", { scope: "col" }, title)));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell) => element("td", {}, String(cell)))));
  const table = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { className: "table", tabIndex: 0 }, table);
}

const STRIP_COLORS = { light: ["#0072B2", "#D55E00"], dark: ["#56B4E9", "#E69F00"] }; // of the report's palette

function drawStrip({ samples, sizes, causes, taken, step }) {
  const spec = readData("spec-strip");
  const rounds = samples.map((seconds, at) => ({ at: at * step + 1, seconds, state: causes[at] ? "disturbed" : "quiet", tip: `round ${at * step + 1} of ${taken}: ${seconds} s${causes[at] ? `, disturbed: ${causes[at]}` : ""}` }));
  const ends = sizes.map((_, at) => sizes.slice(0, at + 1).reduce((sum, size) => sum + size, 0) * step + 0.5);
  const blocks = ends.map((end, at) => ({ start: at ? ends[at - 1] : 0.5, end })).filter((_, at) => at % 2 === 1);
  spec.datasets = { rounds, blocks };
  const [, { encoding }] = spec.layer;
  encoding.color.scale.range = STRIP_COLORS[document.documentElement.classList.contains("dark") ? "dark" : "light"];
  encoding.y.axis.labelExpr = TICKS.s;
  if (step > 1) encoding.x.title = `Round (every ${ordinal(step)} of ${taken} is drawn)`;
  if (blocks.length === 0) spec.layer.shift();
  return drawChart("strip", spec);
}
