// Which model for me? The filter, and what follows from it: the chart, the ranks, the sentence, the address.
const SECTION = "which-model";
const LIMITS = {
  latency: ["latency", (milliseconds) => milliseconds / 1000],
  memory: [PAGE.memory_metric, (mebibytes) => mebibytes * 2 ** 20],
  accuracy: ["top1", (percent) => percent / 100],
};
const GOALS = {
  latency: "the lowest latency",
  throughput: "the most images/s",
  [PAGE.memory_metric]: "the least memory",
  top1: "the highest accuracy",
};
const ANY = "any";
const whichModel = { form: null, table: null, start: {}, cases: [] };

function startWhichModel() {
  const form = document.getElementById("filter");
  if (form === null) return;
  const ordinary = CASES.filter((each) => !each.is_planned);
  Object.assign(whichModel, { form, cases: ordinary.length ? ordinary : CASES, start: readData(`data-${SECTION}`) ?? {} });
  addAxes(form, whichModel.cases);
  addMetricChoices(form);
  showLegend(whichModel.cases);
  followWidth(document.getElementById("chart-which-model"));
  restoreFilter();
  form.addEventListener("input", () => applyFilter());
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(() => { fillForm(defaults()); applyFilter(); }));
  redrawn.set(SECTION, () => { scatter.drawn = null; applyFilter({ isWritten: false }); });
}

// Device, mode, precision and batch always; what else there is only where cases differ in it.
function addAxes(form, cases) {
  const always = new Set(["device", "mode", "precision", "batch"]);
  for (const [axis, title] of AXES) {
    const values = valuesOf(axis, cases);
    if (values.length < 2 && !always.has(axis)) continue;
    const options = [new Option("any", ANY), ...values.map((value) => new Option(value, value))];
    form.querySelector("#filter-axes").append(element("label", {}, title, element("select", { name: axis }, ...options)));
  }
}

function addMetricChoices(form) {
  for (const name of ["x", "y"]) form.elements[name].append(...PAGE.metrics.map(({ key, title }) => new Option(title, key)));
  form.elements.goal.append(...Object.entries(GOALS).map(([key, text]) => new Option(text, key)));
}

function defaults() {
  const axes = AXES.map(([axis]) => [axis, ANY]);
  const values = { ...Object.fromEntries(axes), latency: "", memory: "", accuracy: "", goal: "latency", x: "latency", y: "top1", invalid: "" };
  for (const [name, value] of Object.entries(whichModel.start)) values[name] = String(value);
  return values;
}

function fillForm(values) {
  for (const [name, value] of Object.entries(values)) {
    const field = whichModel.form.elements[name];
    if (field === undefined) continue;
    if (field.type === "checkbox") field.checked = value === field.value;
    else if (canHold(field, value)) field.value = value;
  }
}

// Whether a select has the option, or a field for a number can be given this one.
function canHold(field, value) {
  if (field.tagName === "SELECT") return [...field.options].some((option) => option.value === value);
  return value === "" || (/^-?\d*\.?\d+(e[-+]?\d+)?$/i.test(value) && Number.isFinite(Number(value)));
}

function restoreFilter() {
  if (whichModel.form === null) return;
  const usual = defaults();
  fillForm(usual); // what the address does not say, or says of something that is not here
  fillForm(Object.fromEntries([...address.read()].filter(([name]) => Object.hasOwn(usual, name))));
  applyFilter({ isWritten: false });
}

function readForm() {
  const values = Object.fromEntries(Object.keys(defaults()).map((name) => [name, ANY]));
  for (const name of ["latency", "memory", "accuracy", "invalid"]) values[name] = "";
  return { ...values, ...Object.fromEntries(new FormData(whichModel.form)) };
}

function applyFilter({ isWritten = true } = {}) {
  const values = readForm();
  const asked = whichModel.cases.filter((each) => AXES.every(([axis]) => values[axis] === ANY || each[axis] === values[axis]));
  const shown = labelled(asked.filter((each) => each.failure === null && keepsLimits(each, values)));
  const [across, up, goal] = [values.x, values.y, values.goal].map((key) => METRICS.get(key));
  const limits = values.latency === "" ? [] : [METRICS.get("latency")];
  const isUsable = (each, ...metrics) => values.invalid === "1" || [...metrics, ...limits].every((metric) => isTrusted(each, metric));
  const front = frontOf(shown.filter((each) => isUsable(each, across, up) && isDrawable(each, across) && isDrawable(each, up)), across, up);
  const places = orderByGoal(rank(shown.filter((each) => isUsable(each, goal) && each.metrics[goal.key].value !== null), goal), goal);
  showScatter(shown, front, across, up);
  showRanks(places, shown, front, goal);
  showPick(places, { asked, shown, goal, values });
  if (isWritten) writeFilter(values);
}

// What stands against a time stands against no count and no memory.
function isTrusted(each, metric) {
  return !metric.is_timed || isValid(each);
}

function keepsLimits(each, values) {
  return Object.entries(LIMITS).every(([name, [metric, inBaseUnits]]) => {
    if (values[name] === "") return true;
    const { value } = each.metrics[metric];
    if (value === null) return false;
    const limit = inBaseUnits(Number(values[name]));
    return METRICS.get(metric).better === "higher" ? value >= limit : value <= limit;
  });
}

// A model's name, with what tells it from its other cases that are shown.
function labelled(cases) {
  const differing = AXES.filter(([axis]) => {
    const byModel = new Map();
    return cases.some((each) => {
      const known = byModel.get(each.name);
      byModel.set(each.name, each[axis]);
      return known !== undefined && known !== each[axis];
    });
  });
  for (const each of cases) {
    const parts = differing.map(([axis]) => (axis === "batch" ? `batch ${each.batch}` : each[axis]));
    each.label = [each.name, ...parts].join(" · ");
  }
  return cases;
}

function orderByGoal(places, goal) {
  const sign = goal.better === "higher" ? -1 : 1;
  return places.sort((a, b) => sign * (a.each.metrics[goal.key].value - b.each.metrics[goal.key].value));
}

function writeFilter(values) {
  const usual = defaults();
  const changed = Object.entries(values).map(([name, value]) => [name, value === usual[name] ? "" : value]);
  address.write(Object.fromEntries(changed), SECTION);
}

function showPick(places, { asked, shown, goal, values }) {
  document.getElementById(`${SECTION}-answer`).replaceChildren(...pickNodes(places, { asked, shown, goal, values }));
}

function pickNodes(places, { asked, shown, goal, values }) {
  const [pick, second] = places;
  const left = asked.length - shown.length;
  const placed = new Set(places.map(({ each }) => each));
  const doubtful = shown.filter((each) => !placed.has(each) && each.metrics[goal.key].value !== null).length;
  const unknown = shown.filter((each) => each.metrics[goal.key].value === null).length;
  const rest = [
    left ? `${left} of ${asked.length} cases failed or do not keep the limits.` : "",
    doubtful ? `${doubtful} ${doubtful === 1 ? "has a time that is" : "have times that are"} not valid, and could not be picked.` : "",
    unknown ? `Of ${unknown} the ${lowerFirst(goal.title)} is not known.` : "",
  ].filter(Boolean).join(" ");
  if (pick === undefined) return [`No case can be picked. ${rest}`];
  const nodes = [caseButton(pick.each), ` has ${GOALS[goal.key]} of ${places.length} ${places.length === 1 ? "case" : "cases"}: ${figures(pick.each, goal)}.`];
  if (second !== undefined) {
    const tie = tiesOf(pick, [second]).length ? " Their intervals overlap: the measurement does not tell which is better." : "";
    nodes.push(" The runner-up is ", caseButton(second.each), `: ${figures(second.each, goal)}.${tie}`);
  }
  return [...nodes, ` ${rest}`];
}

function figures(each, goal) {
  const keys = [goal.key, ...["latency", "top1"].filter((key) => key !== goal.key)];
  return keys.map((key) => `${lowerFirst(METRICS.get(key).title)} ${each.metrics[key].text}`).join(", ");
}

function caseButton(each) {
  return element("button", { type: "button", className: "link", onclick: () => openCase(each.at) }, element("bdi", {}, each.label ?? each.name));
}

function showRanks(places, shown, front, goal) {
  const placed = new Set(places.map(({ each }) => each));
  const onFront = new Set(front);
  const others = shown.filter((each) => !placed.has(each)).map((each) => ({ each, span: null, first: null, last: null }));
  const rows = [...places, ...others].map((row, place) => ({ ...row, place, places, isPlaced: placed.has(row.each), isOnFront: onFront.has(row.each) }));
  whichModel.table ??= showTable("table-ranks", rankColumns(), [], { orderFixed: { pre: [[0, "asc"]] } });
  whichModel.table.clear().rows.add(rows).draw();
}

function rankColumns() {
  const metricColumn = ({ key, title }) => ({ title, isNumber: true, text: ({ each }) => each.metrics[key].text, order: ({ each }) => each.metrics[key].value, node: ({ each }) => metricNode(each, key) });
  return [
    { title: "Not placed", isHidden: true, text: ({ isPlaced }) => (isPlaced ? "0" : "1"), order: ({ isPlaced }) => (isPlaced ? 0 : 1) },
    { title: "Rank", isNumber: true, text: rankText, order: ({ place }) => place },
    { title: "Model", text: ({ each }) => each.label, node: ({ each }) => caseButton(each) },
    ...PAGE.metrics.map(metricColumn),
    { title: "Front", text: ({ isOnFront }) => (isOnFront ? "on it" : "") },
    { title: "Ties with", isLong: true, search: () => "", order: ({ first, last }) => last - first, text: (row) => namesOf(tiesOf(row, row.places)) },
  ];
}

function namesOf(cases) {
  const names = cases.slice(0, 4).map((each) => each.label);
  return names.join(", ") + (cases.length > 4 ? ` and ${cases.length - 4} more` : "");
}

function metricNode(each, key) {
  const isStruck = METRICS.get(key).is_timed && !isValid(each) && each.metrics[key].value !== null;
  return element(isStruck ? "s" : "span", {}, each.metrics[key].text);
}
