// The chart of the first section: a point a case, two metrics, intervals, the front.
const scatter = { axes: null, view: null, queue: Promise.resolve() };

function scatterSpec(across, up, points, line) {
  const spec = readData("spec-scatter");
  for (const [at, metric] of [across, up].entries()) {
    spec.scales[at].type = metric.key === "top1" ? "linear" : "log";
    spec.axes[at].title = metric.title;
    spec.axes[at].encode = { labels: { update: { text: { signal: TICKS[metric.unit] } } } };
  }
  const room = document.getElementById("chart-which-model");
  const signals = Object.fromEntries(spec.signals.map((signal) => [signal.name, signal]));
  signals.width.value = room.clientWidth;
  signals.height.value = room.clientHeight;
  signals.step.value = across.better === "higher" ? "step-before" : "step-after";
  spec.data[0].values = points;
  spec.data[1].values = line;
  return spec;
}

function scatterPoint(each, across, up, order) {
  const group = GROUPS.get(each.group);
  const x = each.metrics[across.key];
  const y = each.metrics[up.key];
  const text = `${each.label}: ${across.title} ${x.text}, ${up.title} ${y.text}${isValid(each) ? "" : ", not valid"}`;
  return {
    x: x.value, x0: x.low ?? x.value, x1: x.high ?? x.value,
    y: y.value, y0: y.low ?? y.value, y1: y.high ?? y.value,
    name: each.label, text, tip: `${each.label}\n${across.title}: ${x.text}\n${up.title}: ${y.text}\n${isValid(each) ? "" : `not valid: ${each.validity}`}`,
    color: group.color, shape: group.shape, is_hollow: each.is_of_paper, opacity: isValid(each) ? 1 : 0.45,
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
  const known = cases.filter((each) => isDrawable(each.metrics[across.key], across) && isDrawable(each.metrics[up.key], up));
  const points = known.map((each) => scatterPoint(each, across, up, isOnFront.has(each) ? 0 : 1));
  const line = front.map((each) => ({ x: each.metrics[across.key].value, y: each.metrics[up.key].value })).sort((a, b) => a.x - b.x);
  const axes = `${across.key} ${up.key}`;
  if (scatter.axes === axes) return scatter.view.data("points", points).data("front", line).runAsync();
  scatter.axes = axes;
  scatter.view = await drawChart("which-model", scatterSpec(across, up, points, line), "vega");
  return scatter.view.addEventListener("click", (_, item) => item?.datum?.at !== undefined && openCase(item.datum.at));
}

// As wide as the page; while the page is hidden it has no width, and a chart of none cannot be drawn.
function followWidth(room) {
  new ResizeObserver(() => {
    const { view } = scatter;
    if (view !== null && room.clientWidth > 0 && view.width() !== room.clientWidth) view.width(room.clientWidth).runAsync();
  }).observe(room);
}

// A logarithmic axis has no zero.
function isDrawable({ value }, metric) {
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
