export interface Line {
  readonly name: string;
  /** When what is counted happened, ms, in order. */
  readonly moments: readonly number[];
}

export interface Panel {
  readonly title: string;
  /** Five at most: a colour each, in their order. */
  readonly lines: readonly Line[];
}

export interface PlotText {
  /** For those who do not see it. */
  readonly title: string;
  readonly description: string;
}

const width = 760;
const left = 64;
const right = 530;
const panelHeight = 150;
const pitch = 214;
const top = 46;
const labelGap = 16;

// The card has a background of its own, so that it can be read wherever it is shown, whether or not the page follows the system's scheme.
const style = `
  text { font: 12px system-ui, sans-serif }
  .title { font-size: 14px; font-weight: 600 }
  polyline { fill: none; stroke-width: 2; stroke-linejoin: round }
  .lead { stroke-width: 1 }${colours({ card: '#ffffff', ink: '#1f2328', dim: '#59636e', grid: '#d8dee4' }, ['#59636e', '#b35900', '#0969da', '#8250df', '#1a7f37'])}
  @media (prefers-color-scheme: dark) {${colours({ card: '#151b23', ink: '#f0f6fc', dim: '#9198a1', grid: '#30363d' }, ['#9198a1', '#f0883e', '#58a6ff', '#bc8cff', '#3fb950'])}
  }`;

function colours(page: Record<'card' | 'ink' | 'dim' | 'grid', string>, lines: readonly string[]): string {
  const parts = [
    `.card { fill: ${page.card} } .ink { fill: ${page.ink} } .dim { fill: ${page.dim} } .grid { stroke: ${page.grid} }`,
    ...lines.map((colour, index) => `polyline.line${index} { stroke: ${colour} } text.line${index} { fill: ${colour} }`),
  ];
  return parts.map((part) => `\n  ${part}`).join('');
}

/** Panels one below the other, each of how often something happened up to a time, with the sum beside the end of its line. */
export function plot(panels: readonly Panel[], length: number, { title, description }: PlotText): string {
  const height = top + pitch * panels.length - 24;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">`,
    `<title id="title">${title}</title>`,
    `<desc id="description">${description}</desc>`,
    `<style>${style}\n</style>`,
    `<rect class="card" width="${width}" height="${height}" rx="8"/>`,
    ...panels.map((panel, index) => panelAt(panel, top + pitch * index, length)),
    '</svg>',
    '',
  ].join('\n');
}

function panelAt({ title, lines }: Panel, y: number, length: number): string {
  const most = Math.max(1, ...lines.map(({ moments }) => moments.length));
  const step = niceStep(most);
  const highest = Math.ceil(most / step) * step;
  const xOf = (ms: number) => left + ((right - left) * ms) / length;
  const yOf = (count: number) => y + panelHeight * (1 - count / highest);

  const parts = [text(left, y - 18, title, 'ink title')];
  for (let count = 0; count <= highest; count += step) {
    parts.push(`<path class="grid" d="M${left} ${round(yOf(count))}H${right}"/>`);
    parts.push(text(left - 8, yOf(count) + 4, count.toLocaleString('en'), 'dim', 'end'));
  }
  for (let minute = 0; minute * 60_000 <= length; minute++) {
    parts.push(text(xOf(minute * 60_000), y + panelHeight + 18, minute === 0 ? '0 min' : String(minute), 'dim', 'middle'));
  }

  const ends = lines.map(({ moments }) => yOf(moments.length));
  const labels = spread(ends, labelGap, y + 4, y + panelHeight + 4);
  lines.forEach(({ name, moments }, index) => {
    const [end = 0, label = 0] = [ends[index], labels[index]];
    parts.push(`<polyline class="line${index}" points="${course(moments, length, xOf, yOf)}"/>`);
    parts.push(`<polyline class="line${index} lead" points="${right + 2},${round(end)} ${right + 14},${round(label)}"/>`);
    parts.push(text(right + 18, label + 4, `${name}: ${moments.length.toLocaleString('en')}`, `line${index}`));
  });
  return parts.join('\n');
}

/** The count every second: nearer points could not be told apart. */
function course(
  moments: readonly number[],
  length: number,
  xOf: (ms: number) => number,
  yOf: (count: number) => number,
): string {
  const points: string[] = [];
  let count = 0;
  for (let ms = 0; ms <= length; ms += 1_000) {
    while ((moments[count] ?? Number.POSITIVE_INFINITY) <= ms) count += 1;
    const isLast = ms + 1_000 > length;
    points.push(`${round(xOf(ms))},${round(yOf(isLast ? moments.length : count))}`);
  }
  return points.join(' ');
}

/** 1, 2 or 5 times a power of ten, of which at least two make `most`. */
function niceStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 2));
  return ([5, 2, 1].find((times) => times * power <= most / 2) ?? 1) * power;
}

/** Places at least `gap` apart, within the bounds and as near as that allows to where each belongs. */
function spread(wanted: readonly number[], gap: number, lowest: number, highest: number): number[] {
  const placed = [...wanted];
  const order = wanted.map((_, index) => index).sort((a, b) => (wanted[a] as number) - (wanted[b] as number) || a - b);
  let least = lowest;
  for (const index of order) {
    placed[index] = Math.max(placed[index] as number, least);
    least = (placed[index] as number) + gap;
  }
  let most = highest;
  for (const index of order.reverse()) {
    placed[index] = Math.min(placed[index] as number, most);
    most = (placed[index] as number) - gap;
  }
  return placed;
}

function text(x: number, y: number, content: string, classes: string, anchor = 'start'): string {
  return `<text x="${round(x)}" y="${round(y)}" class="${classes}" text-anchor="${anchor}">${content}</text>`;
}

function round(coordinate: number): number {
  return Math.round(coordinate * 10) / 10;
}
