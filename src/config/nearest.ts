/** The name that was probably meant: the same in other letters, part of one, or at most two slips away. */
export function nearest(given: string, known: readonly string[]): string | undefined {
  const asked = given.toLowerCase();
  const distances = known.map((name) => ({ name, slips: slipsBetween(asked, name.toLowerCase()) }));
  distances.sort((a, b) => a.slips - b.slips);
  const [best] = distances;
  if (best !== undefined && best.slips <= Math.min(2, asked.length - 1)) return best.name;
  return asked.length < 3 ? undefined : known.find((name) => name.toLowerCase().includes(asked));
}

/** How many letters must be put in, left out, changed or swapped with their neighbour (optimal string alignment). */
function slipsBetween(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const at = (cells: readonly number[], index: number) => cells[index] as number;
      const least = Math.min(at(old, j) + 1, at(row, j - 1) + 1, at(old, j - 1) + (same ? 0 : 1));
      row.push(swapped ? Math.min(least, at(older, j - 2) + 1) : least);
    }
    older = old;
    old = row;
  }
  return old[b.length] as number;
}
