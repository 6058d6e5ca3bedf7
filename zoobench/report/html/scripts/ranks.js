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
  const spans = cases.map((each) => intervalOf(each, metric)?.map((end) => sign * end).sort((a, b) => a - b) ?? null);
  const known = spans.filter((span) => span !== null);
  const lows = known.map(([low]) => low).sort((a, b) => a - b);
  const highs = known.map(([, high]) => high).sort((a, b) => a - b);
  return cases.map((each, at) => {
    const span = spans[at];
    if (span === null) return { each, span, first: null, last: null };
    return { each, span, first: countBelow(highs, span[0]) + 1, last: countUpTo(lows, span[1]) };
  });
}

// How many of the numbers, which rise, are below the limit.
function countBelow(numbers, limit) {
  let [start, end] = [0, numbers.length];
  while (start < end) {
    const middle = (start + end) >> 1;
    if (numbers[middle] < limit) start = middle + 1;
    else end = middle;
  }
  return start;
}

function countUpTo(numbers, limit) {
  let count = countBelow(numbers, limit);
  while (count < numbers.length && numbers[count] === limit) count += 1;
  return count;
}

// Those whose interval overlaps the place's own.
function tiesOf(place, places) {
  if (place.span === null) return [];
  const [low, high] = place.span;
  return places.filter(({ each, span }) => each !== place.each && span !== null && span[0] <= high && span[1] >= low).map(({ each }) => each);
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
