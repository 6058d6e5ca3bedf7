// Charts: Vega draws them into the room kept for them, in the page's colours, without eval.
const views = new Map();

function colors() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return { ink: of("--ink"), paper: of("--paper"), line: of("--line"), quiet: of("--quiet") };
}

function chartConfig() {
  const { ink, paper, line, quiet } = colors();
  return {
    background: paper,
    font: "system-ui, sans-serif",
    signals: [{ name: "ink", value: ink }, { name: "paper", value: paper }],
    axis: { labelColor: ink, titleColor: ink, gridColor: line, gridOpacity: 0.5, domainColor: quiet, tickColor: quiet, labelFontSize: 11, titleFontSize: 12, titlePadding: 8 },
    text: { fill: ink, color: ink },
    rule: { stroke: ink, color: ink },
    title: { color: ink },
    legend: { labelColor: ink, titleColor: ink },
    view: { stroke: null },
  };
}

async function drawChart(key, spec, mode = "vega-lite") {
  views.get(key)?.finalize();
  const room = mode === "vega" ? {} : { width: "container", height: "container" };
  const result = await vegaEmbed(`#chart-${key}`, { ...room, ...spec }, {
    mode,
    ast: true,
    actions: false,
    defaultStyle: false,
    renderer: "svg",
    config: chartConfig(),
    tooltip: { disableDefaultStyle: true },
  });
  views.set(key, { ...result, spec });
  return result.view;
}

const modeOf = (spec) => ("marks" in spec ? "vega" : "vega-lite");

// Says why there is no chart, in its room.
function clearChart(key, text) {
  views.get(key)?.finalize();
  views.delete(key);
  document.getElementById(`chart-${key}`).replaceChildren(element("p", { className: "note" }, text));
}

async function exportChart(key, format) {
  if (!views.has(key)) return;
  const { view } = views.get(key);
  if (format === "svg") downloadText(`${key}.svg`, "image/svg+xml", await view.toSVG());
  else download(`${key}.png`, await view.toImageURL("png", 2));
}

const TICKS = PAGE.ticks; // by unit, as the texts of the tables: 20 ms, 64 MiB, 4 M, 70 %

function startCharts() {
  for (const figure of document.querySelectorAll("[data-chart]")) {
    const key = figure.dataset.chart;
    for (const button of figure.querySelectorAll("[data-export]")) {
      button.setAttribute("aria-label", `Save the chart as ${button.textContent}`);
      button.addEventListener("click", () => exportChart(key, button.dataset.export));
    }
    const spec = readData(`spec-${key}`);
    if (spec !== null && key !== "strip") whenNear(figure, () => drawChart(key, spec, modeOf(spec)));
  }
  document.addEventListener("theme", redrawCharts);
}

// A chart is drawn when it is about to be seen, or the page is printed.
function whenNear(figure, draw) {
  const observer = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) begin();
  }, { rootMargin: "600px" });
  const begin = () => {
    observer.disconnect();
    removeEventListener("beforeprint", begin);
    draw();
  };
  observer.observe(figure);
  addEventListener("beforeprint", begin);
}

function redrawCharts() {
  for (const [key, { spec }] of views) {
    if (!redrawn.has(key)) drawChart(key, spec, modeOf(spec));
  }
  for (const redraw of redrawn.values()) redraw();
}

const redrawn = new Map(); // charts whose data is not in their spec draw themselves anew
