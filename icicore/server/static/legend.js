// Numeric colour bar of a layer: names the layer, what the numbers are and how they are spread over the colours.
import { cssGradient } from './colormaps.js';
import { h } from './dom.js';
import { fixed, value } from './format.js';

const SCALE_WORDS = { raw: 'raw', percentile: 'by percentile', log: 'logarithmic' };

export function legendText(layer) {
  const lo = tick(layer.scale, 0, layer.signed), hi = tick(layer.scale, 1, layer.signed);
  return `${layer.name}, ${SCALE_WORDS[layer.state.scale]} ${layer.unit}, ${lo} – ${hi}`;
}

/** Tick label: on a linear scale all ticks share their decimals. */
const tick = (scale, t, signed) => scale.kind === 'raw' ? fixed(scale.invert(t), scale.high, signed) : value(scale.invert(t), signed);

/** The outermost labels stay within the bar. */
const place = t => t === 0 ? 'left:0' : t === 1 ? 'right:0' : `left:${t * 100}%;transform:translateX(-50%)`;

/** One legend; `marker` is a value to point at (under the cursor), or NaN. */
export function legend(layer) {
  const { scale, signed, state } = layer, places = signed ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.5, 1];
  const bar = h('div', { class: 'bar', style: `background:${cssGradient(state.colormap)}` });
  if (state.threshold !== null) bar.append(...shades(layer));
  const marker = h('i', { class: 'marker' });
  bar.append(marker);
  const ticks = h('div', { class: 'ticks' }, places.map(t => h('span', { style: place(t) }, tick(scale, t, signed))));
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

/** Cover the part of the bar that the threshold hides. */
function shades({ scale, signed, state }) {
  const t = scale.norm(state.threshold) * 100;
  const [left, width] = signed ? [100 - t, 2 * t - 100] : [0, t];
  return [h('i', { class: 'shade', style: `left:${left}%;width:${Math.max(0, width)}%` })];
}
