// The page's data: columns as Python wrote them, and the rows made of them.
function readData(id) {
  const element = document.getElementById(id);
  return element === null ? null : JSON.parse(element.textContent);
}

const PAGE = readData("data-page");
const METRICS = new Map(PAGE.metrics.map((metric) => [metric.key, metric]));
const GROUPS = new Map(PAGE.groups.map((group) => [group.group, group]));
const AXES = [
  ["run", "Run"], ["device", "Device"], ["mode", "Mode"], ["precision", "Precision"], ["batch", "Batch"],
  ["image_size", "Image size"], ["memory_format", "Memory order"], ["compiler", "Compiler"], ["threads", "Threads"],
  ["allocator", "Allocator"],
];
const CASES = expand(PAGE.cases);

function expand(columns) {
  const textAt = (name, at) => columns[name].of[columns[name].at[at]] ?? null;
  const texts = Object.keys(columns).filter((name) => "of" in columns[name]);
  return columns.batch.map((batch, at) => ({
    at,
    ...Object.fromEntries(texts.map((name) => [name, textAt(name, at)])),
    batch: String(batch),
    image_size: pictureText(columns.image_size[at], columns.image_width[at]),
    threads: String(columns.threads[at]),
    is_planned: columns.is_planned[at],
    is_of_paper: columns.is_of_paper[at],
    metrics: metricsAt(columns, at),
  }));
}

function metricsAt(columns, at) {
  const found = { top1: { value: columns.top1.value[at], low: null, high: null, text: columns.top1.text[at] } };
  for (const [key, { value, low, high, text }] of Object.entries(columns.metrics)) {
    found[key] = { value: value[at], low: low[at], high: high[at], text: text[at] };
  }
  return found;
}

function pictureText(height, width) {
  return height === width ? String(height) : `${height}×${width}`;
}

// Every value that an axis has among these cases; numbers in their order.
function valuesOf(axis, cases) {
  const values = [...new Set(cases.map((each) => each[axis]))].filter((value) => value !== null);
  return values.every((value) => /^\d+$/.test(value)) ? values.sort((a, b) => a - b) : values;
}

const isValid = (each) => each.failure === null && each.validity === "valid";

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}
