// How a value becomes a place on the colour bar. Unsigned layers run from 0 to 1; signed ones have zero at 0.5 and the
// same length on both sides, so that equal colours mean equal strength.
export const SCALES = ['raw', 'percentile', 'log'];

export class Scale {
  /** @param kind one of SCALES  @param values the layer's grid, NaN outside tissue */
  constructor(kind, { signed, range, values }) {
    this.kind = kind; this.signed = signed;
    const sizes = values.filter(v => v === v).map(signed ? Math.abs : v => v).sort();
    this.sorted = sizes;
    const largest = sizes.length ? sizes[sizes.length - 1] : 1;
    this.high = signed ? Math.max(...(range ?? [0]).map(Math.abs), largest) || 1 : range?.[1] ?? largest;
    this.low = signed ? 0 : range?.[0] ?? sizes[0] ?? 0;
    if (this.high <= this.low) this.high = this.low + 1;
    const positive = sizes.find(v => v > 0) ?? this.high / 1e3;
    this.floor = Math.max(positive, this.high / 1e4);           // four decades at most
  }

  /** Place of a magnitude in [0, 1]. */
  place(v) {
    if (this.kind === 'percentile') return this.share(v);
    if (this.kind === 'log') return v <= this.floor ? 0 : Math.min(1, Math.log(v / this.floor) / Math.log(this.high / this.floor) || 0);
    return Math.max(0, Math.min(1, (v - this.low) / (this.high - this.low)));
  }

  /** Share of tissue values below (ties count half). */
  share(v) {
    const n = this.sorted.length;
    return n < 2 ? 1 : Math.max(0, Math.min(1, (bound(this.sorted, v, false) + bound(this.sorted, v, true) - 1) / (2 * (n - 1))));
  }

  norm(v) { return this.signed ? 0.5 + 0.5 * Math.sign(v) * this.place(Math.abs(v)) : this.place(v); }

  /** Magnitude at a place in [0, 1]. */
  magnitude(t) {
    if (this.kind === 'percentile') return this.sorted[Math.round(t * (this.sorted.length - 1))] ?? 0;
    if (this.kind === 'log') return this.floor * (this.high / this.floor) ** t;
    return this.low + t * (this.high - this.low);
  }

  /** Value at a place of the colour bar. */
  invert(t) { return this.signed ? Math.sign(t - 0.5) * (t === 0.5 ? 0 : this.magnitude(Math.abs(t - 0.5) * 2)) : this.magnitude(t); }
}

function bound(sorted, v, after) {                              // first index with sorted[i] >= v, or > v
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < v || (after && sorted[middle] === v)) low = middle + 1; else high = middle;
  }
  return low;
}
