// Who is better than whom: intervals, ranks, ties and the front. Nothing here touches the page.

// The interval in which a case's value lies; null where the measurement has none.
function intervalOf(each, metric) {
  const { value, low, high } = each.metrics[metric.key];
  if (value === null) return null;
  if (low !== null && high !== null) return [low, high];
  return metric.is_timed ? null : [value, value];
}

// First and last place that a case can have: it is behind all that are surely better, before all surely worse.
function rank(cases, metric) {
  const sign = metric.better === "higher" ? -1 : 1;
  const spans = cases.map((each) => {
    const interval = intervalOf(each, metric);
    return interval === null ? null : interval.map((end) => sign * end).sort((a, b) => a - b);
  });
  const known = spans.filter((span) => span !== null);
  return cases.map((each, at) => {
    const span = spans[at];
    if (span === null) return { each, first: null, last: null, ties: [] };
    const better = known.filter((other) => other[1] < span[0]).length;
    const worse = known.filter((other) => other[0] > span[1]).length;
    return { each, first: better + 1, last: known.length - worse, ties: tiesOf(at, spans, cases) };
  });
}

function tiesOf(at, spans, cases) {
  const [low, high] = spans[at];
  return cases.filter((_, other) => other !== at && spans[other] !== null && spans[other][0] <= high && spans[other][1] >= low);
}

function rankText({ first, last }) {
  if (first === null) return "–";
  return first === last ? ordinal(first) : `${ordinal(first)}–${ordinal(last)}`;
}

function ordinal(number) {
  const tens = number % 100;
  const suffix = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][number % 10] ?? "th");
  return `${number}${suffix}`;
}

// The cases that no other one beats: none is as good on both axes and better on one.
function frontOf(cases, across, up) {
  const signOf = (metric) => (metric.better === "higher" ? -1 : 1);
  const known = cases
    .map((each) => ({ each, x: signOf(across) * each.metrics[across.key].value, y: signOf(up) * each.metrics[up.key].value }))
    .sort((a, b) => a.x - b.x || a.y - b.y);
  const front = [];
  let best = Infinity;
  let bestX = -Infinity;
  for (const { each, x, y } of known) {
    if (y < best || (y === best && x === bestX)) {
      front.push(each);
      best = y;
      bestX = x;
    }
  }
  return front;
}
