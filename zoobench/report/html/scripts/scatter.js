// The chart of the first section: a point a case, two metrics, intervals, the front.
const MOST_NAMES = 60; // more names than this do not find room
const scatter = { drawn: null, view: null, queue: Promise.resolve() };

function scatterSpec(across, up, data) {
  const spec = readData("spec-scatter");
  for (const [at, metric] of [across, up].entries()) {
    spec.scales[at].type = metric.key === "top1" ? "linear" : "log";
    if (metric.unit === "bytes") spec.scales[at].base = 2;
    spec.axes[at].title = metric.title;
    spec.axes[at].encode = { labels: { update: { text: { signal: tickText(metric, spec.scales[at]) } } } };
  }
  spec.description = `${up.title} against ${lowerFirst(across.title)}`;
  const room = document.getElementById("chart-which-model");
  const signals = Object.fromEntries(spec.signals.map((signal) => [signal.name, signal]));
  signals.width.value = room.clientWidth;
  signals.height.value = room.clientHeight;
  signals.step.value = across.better === "higher" ? "step-before" : "step-after";
  for (const source of spec.data) source.values = data[source.name];
  spec.marks.at(-1).transform[0].avoidMarks = spec.marks.filter(({ from, name }) => name && from.data !== "points" && data[from.data].length).map(({ name }) => name);
  return spec;
}

// Of the ticks of a decimal logarithm, those of 1, 2 and 5 have a text.
function tickText(metric, { type, base = 10 }) {
  const text = TICKS[metric.unit];
  if (type === "linear" || base !== 10) return text;
  return `indexof([1, 2, 5], round(datum.value / pow(10, floor(log(datum.value) / LN10 + 1e-9)))) < 0 ? '' : ${text}`;
}

function scatterPoint(each, across, up, order) {
  const group = GROUPS.get(each.group);
  const x = each.metrics[across.key];
  const y = each.metrics[up.key];
  const flaw = isTrusted(each, across) && isTrusted(each, up) ? "" : `not valid: ${each.validity}`;
  return {
    x: x.value, x0: x.low ?? x.value, x1: x.high ?? x.value,
    y: y.value, y0: y.low ?? y.value, y1: y.high ?? y.value,
    name: each.label, text: [each.label, `${across.title} ${x.text}`, `${up.title} ${y.text}`, flaw].filter(Boolean).join(", "),
    color: group.color, shape: group.shape, is_hollow: each.is_of_paper, opacity: flaw ? 0.55 : 1,
    order, at: each.at,
  };
}

// One drawing after another: a filter that is moved quickly must not be overtaken by an older one.
function showScatter(cases, front, across, up) {
  scatter.last = [cases, front, across, up];
  scatter.queue = scatter.queue.then(() => updateScatter(...scatter.last));
  return scatter.queue;
}

async function updateScatter(cases, front, across, up) {
  const isOnFront = new Set(front);
  const known = cases.filter((each) => isDrawable(each, across) && isDrawable(each, up));
  const points = known.map((each) => scatterPoint(each, across, up, isOnFront.has(each) ? 0 : 1));
  if (points.length > MOST_NAMES) for (const point of points) point.name = point.order === 0 ? point.name : "";
  const bars = points.filter(({ x0, x1, y0, y1 }) => x0 !== x1 || y0 !== y1);
  const line = front.map((each) => ({ x: each.metrics[across.key].value, y: each.metrics[up.key].value })).sort((a, b) => a.x - b.x);
  if (points.length === 0) return clearScatter();
  const drawn = [across.key, up.key, bars.length > 0, line.length > 0].join(); // names cannot avoid marks of no data
  if (scatter.drawn === drawn) return scatter.view.data("points", points).data("bars", bars).data("front", line).runAsync();
  scatter.drawn = drawn;
  document.querySelector('[data-chart="which-model"] .title').textContent = `${up.title} against ${lowerFirst(across.title)}`;
  scatter.view = await drawChart("which-model", scatterSpec(across, up, { points, bars, front: line }), "vega");
  return scatter.view.addEventListener("click", (_, item) => item?.datum?.at !== undefined && openCase(item.datum.at));
}

function clearScatter() {
  clearChart("which-model", "No case that keeps the limits has both numbers.");
  Object.assign(scatter, { drawn: null, view: null });
}

// As wide as the page; while the page is hidden it has no width, and a chart of none cannot be drawn.
function followWidth(room) {
  new ResizeObserver(() => {
    const { view } = scatter;
    if (view !== null && room.clientWidth > 0 && view.width() !== room.clientWidth) view.width(room.clientWidth).runAsync();
  }).observe(room);
}

const lowerFirst = (text) => (/^[A-Z][a-z]/.test(text) ? text[0].toLowerCase() + text.slice(1) : text);

// A logarithmic axis has no zero.
function isDrawable(each, metric) {
  const { value } = each.metrics[metric.key];
  return value !== null && (metric.key === "top1" || value > 0);
}

function showLegend(cases) {
  const present = new Set(cases.map((each) => each.group));
  const entries = PAGE.groups.filter(({ group }) => present.has(group));
  document.getElementById("legend").replaceChildren(...entries.map(({ group, color, shape }) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "-1.2 -1.2 2.4 2.4");
    svg.setAttribute("aria-hidden", "true");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", shape);
    path.setAttribute("fill", color);
    svg.append(path);
    return element("li", {}, svg, group);
  }));
}
