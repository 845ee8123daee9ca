// Numbers as a reader expects them: three significant digits, a real minus sign, thin spaces in thousands.
const MINUS = '\u2212', THIN = '\u2009';

/** A value with three significant digits; signed values always carry their sign. */
export function value(x, signed = false) {
  if (!Number.isFinite(x)) return '–';
  const a = Math.abs(x);
  let text;
  if (a === 0) text = '0';
  else if (a < 1e-4 || a >= 1e6) text = a.toExponential(1).replace('e-', '×10^' + MINUS).replace('e+', '×10^').replace(/\^(.*)$/, (_, e) => superscript(e));
  else text = a >= 1000 ? Math.round(a).toString() : trim(a.toPrecision(3));
  return (x < 0 ? MINUS : signed && x > 0 ? '+' : '') + text;
}

function trim(text) { return text.includes('e') ? String(Number(text)) : text; }
function superscript(text) { return [...text].map(c => c === MINUS ? '⁻' : '⁰¹²³⁴⁵⁶⁷⁸⁹'[c]).join(''); }

/** A value with the decimals that suit a largest value. */
export function fixed(x, largest, signed = false) {
  const decimals = Math.max(0, Math.min(8, 2 - Math.floor(Math.log10(largest))));
  const text = Math.abs(x).toFixed(decimals);
  return (Number(text) === 0 ? '' : x < 0 ? MINUS : signed ? '+' : '') + text;
}

/** An integer with thousands separated. */
export function count(n) { return String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, THIN).replace('-', MINUS); }

/** A length in micrometres, in µm or mm. */
export function length(um) { return um >= 1000 ? `${+(um / 1000).toPrecision(3)} mm` : `${+um.toPrecision(3)} µm`; }

/** A percentile as a reader counts: from the nearer end. */
export function topShare(percentile) {
  const share = Math.min(percentile, 100 - percentile), [end, word] = percentile >= 50 ? ['highest', 'top'] : ['lowest', 'lowest'];
  if (share < 0.05) return end;
  return `${word} ${share < 0.95 ? share.toFixed(1) : Math.round(share)} %`;
}

/** A magnification. */
export function magnification(x) { return `${x < 1 ? x.toFixed(2) : x < 9.95 ? x.toFixed(1) : Math.round(x)}×`; }

/** An area in square micrometres, in µm² or mm². */
export function areaText(um2) { return um2 >= 1e4 ? `${+(um2 / 1e6).toPrecision(3)} mm²` : `${+um2.toPrecision(3)} µm²`; }

/** A moment, in the reader's own time zone, to the minute. */
export function moment(iso) { const t = new Date(iso); return Number.isNaN(t.getTime()) ? '' : t.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' }); }
