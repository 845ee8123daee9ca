// Numeric colour bar of a layer: names the layer, what the numbers are and how they are spread over the colours.
import { CATEGORIES, cssGradient } from './colormaps.js';
import { h } from './dom.js';
import { fixed, value } from './format.js';

const WIDEST_OF_FIVE = 5;                                       // letters; wider labels would run into each other
const SCALE_WORDS = { raw: 'raw', percentile: 'by percentile', log: 'logarithmic' };

export function legendText(layer) {
  if (layer.classes) return `${layer.name}, ${layer.unit}`;
  const lo = tick(layer.scale, 0, layer.signed), hi = tick(layer.scale, 1, layer.signed);
  return `${layer.name}, ${SCALE_WORDS[layer.state.scale]} ${layer.unit}, ${lo} – ${hi}`;
}

/** Tick label: on a linear scale all ticks share their decimals. */
const tick = (scale, t, signed) => scale.kind === 'raw' ? fixed(scale.invert(t), scale.high, signed) : value(scale.invert(t), signed);

/** The outermost labels stay within the bar. */
const place = t => t === 0 ? 'left:0' : t === 1 ? 'right:0' : `left:${t * 100}%;transform:translateX(-50%)`;

/** Places on the colour bar with their numbers. */
export function ticksOf({ scale, signed, classes }) {
  if (classes) return [];
  const all = (signed ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1]).map(t => ({ t, name: tick(scale, t, signed) }));
  return all.length > 3 && all.some(({ name }) => name.length > WIDEST_OF_FIVE) ? [all[0], all[2], all[4]] : all;
}

function classLegend(layer) {
  const seen = new Set(layer.values);
  const keys = layer.classes.map((name, i) => seen.has(i) ? h('span', { class: 'key-of' }, h('i', { class: 'chip', style: `background:rgb(${CATEGORIES[i].join(' ')})` }), name) : null);
  const el = h('div', { class: 'legend', role: 'img', 'aria-label': `${legendText(layer)}: ${layer.classes.join(', ')}` }, h('div', { class: 'legend-title' }, h('b', {}, layer.name), ' class of each tile'), h('div', { class: 'keys' }, keys));
  el.point = () => {};
  return el;
}

/** One legend; `marker` is a value to point at (under the cursor), or NaN. */
export function legend(layer) {
  if (layer.classes) return classLegend(layer);
  const { scale, signed, state } = layer;
  const bar = h('div', { class: 'bar', style: `background:${cssGradient(state.colormap)}` });
  if (state.threshold !== null || state.ceiling !== null) bar.append(...shades(layer));
  const marker = h('i', { class: 'marker' });
  bar.append(marker);
  const ticks = h('div', { class: 'ticks' }, ticksOf(layer).map(({ t, name }) => h('span', { style: place(t) }, name)));
  const ends = signed ? h('div', { class: 'ends' }, h('span', {}, '← against response'), h('span', {}, 'towards response →')) : null;
  const el = h('div', { class: 'legend', role: 'img', 'aria-label': legendText(layer) },
    h('div', { class: 'legend-title' }, h('b', {}, layer.name), ` ${SCALE_WORDS[state.scale]}, ${layer.unit}`), bar, ticks, ends);
  el.point = v => {
    marker.style.display = Number.isFinite(v) ? 'block' : 'none';
    if (Number.isFinite(v)) marker.style.left = `${scale.norm(v) * 100}%`;
  };
  el.point(NaN);
  return el;
}

/** Cover the parts of the bar that the window hides. */
function shades({ scale, signed, state }) {
  const low = state.threshold === null ? 0 : scale.place(state.threshold) * 100, high = state.ceiling === null ? 100 : scale.place(state.ceiling) * 100;
  const parts = signed ? [[50 - low / 2, low], [0, (100 - high) / 2], [50 + high / 2, (100 - high) / 2]] : [[0, low], [high, 100 - high]];
  return parts.filter(([, width]) => width > 0).map(([left, width]) => h('i', { class: 'shade', style: `left:${left}%;width:${width}%` }));
}
