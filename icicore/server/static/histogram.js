// How the values of a layer are spread, and a window on them: what lies outside is hidden. Drag an end, or the middle.
import { cssColour } from './colormaps.js';
import { h } from './dom.js';
import { count, value } from './format.js';

const BINS = 48, HEIGHT = 44, LEAST = 0.01;

export class Histogram {
  /** @param change (threshold, ceiling): values or null for an open end */
  constructor(layer, change) {
    Object.assign(this, { layer, change });
    this.canvas = h('canvas', { class: 'bins', height: HEIGHT });
    this.low = this.handle('low', 'Hide what is smaller'); this.high = this.handle('high', 'Hide what is larger');
    this.body = h('div', { class: 'window', title: 'Drag to move the window; double click to open it', onpointerdown: e => this.drag(e, 'both'), ondblclick: () => this.set(0, 1) });
    this.note = h('p', { class: 'window-note' });
    this.el = h('div', { class: 'histogram' }, h('div', { class: 'plot' }, this.canvas, this.body, this.low, this.high), this.note);
    const bins = new Float64Array(BINS);
    for (const v of layer.scale.sorted) bins[Math.min(BINS - 1, Math.floor(layer.scale.place(v) * BINS))]++;
    this.bins = bins;
    this.update();
    this.watch = new ResizeObserver(() => this.paint());
    this.watch.observe(this.canvas);
  }

  handle(end, title) {
    return h('i', { class: `end ${end}`, role: 'slider', tabIndex: 0, title, 'aria-label': title, 'aria-valuemin': 0, 'aria-valuemax': 100, onpointerdown: e => this.drag(e, end),
      onkeydown: e => { const by = { ArrowLeft: -0.02, ArrowRight: 0.02 }[e.key]; if (by) { this.move(end, by, this.ends()); e.preventDefault(); e.stopPropagation(); } } });
  }

  /** Window as places in [0, 1]. */
  ends() {
    const { threshold, ceiling } = this.layer.state, { scale } = this.layer;
    return [threshold === null ? 0 : scale.place(threshold), ceiling === null || ceiling === undefined ? 1 : scale.place(ceiling)];
  }

  drag(event, end) {
    event.preventDefault(); event.stopPropagation();
    const { width } = this.canvas.getBoundingClientRect(), from = event.clientX, first = this.ends(), target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const move = e => this.move(end, (e.clientX - from) / width, first);
    const stop = () => { target.removeEventListener('pointermove', move); target.removeEventListener('pointerup', stop); };
    target.addEventListener('pointermove', move); target.addEventListener('pointerup', stop);
  }

  move(end, by, [low, high]) {
    const clamp = (v, a, b) => Math.max(a, Math.min(b, v));
    if (end === 'low') this.set(clamp(low + by, 0, high - LEAST), high);
    if (end === 'high') this.set(low, clamp(high + by, low + LEAST, 1));
    if (end === 'both') { const d = clamp(by, -low, 1 - high); this.set(low + d, high + d); }
  }

  set(low, high) {
    const { scale } = this.layer;
    this.change(low <= 0 ? null : scale.magnitude(low), high >= 1 ? null : scale.magnitude(high));
    this.update();
  }

  update() {
    const [low, high] = this.ends(), { layer } = this, { sorted } = layer.scale;
    const shown = sorted.filter(v => layer.passes(v)).length;
    this.body.style.left = `${low * 100}%`; this.body.style.width = `${(high - low) * 100}%`;
    this.low.style.left = `${low * 100}%`; this.high.style.left = `${high * 100}%`;
    this.low.setAttribute('aria-valuenow', Math.round(low * 100)); this.high.setAttribute('aria-valuenow', Math.round(high * 100));
    const size = layer.signed ? 'size ' : '', what = layer.cols === layer.gridCols ? 'tiles' : 'cells';
    this.note.textContent = `${size}${value(layer.scale.magnitude(low))} – ${value(layer.scale.magnitude(high))}: ${count(shown)} of ${count(sorted.length)} ${what}`;
    this.paint();
  }

  paint() {
    const width = Math.round(this.canvas.clientWidth), ratio = window.devicePixelRatio || 1;
    if (!width) return;
    Object.assign(this.canvas, { width: width * ratio, height: HEIGHT * ratio });
    const c = this.canvas.getContext('2d'), [low, high] = this.ends(), most = this.bins.reduce((a, b) => Math.max(a, b), 1), { layer } = this;
    c.scale(ratio, ratio);
    this.bins.forEach((n, i) => {
      const at = (i + 0.5) / BINS, tall = n ? Math.max(1.5, Math.sqrt(n / most) * (HEIGHT - 2)) : 0;
      c.globalAlpha = at >= low && at <= high ? 1 : 0.25;
      c.fillStyle = cssColour(layer.state.colormap, layer.signed ? 0.5 + at / 2 : at);
      c.fillRect(i * width / BINS, HEIGHT - tall, width / BINS - 0.6, tall);
      c.globalAlpha *= 0.35; c.strokeStyle = '#556'; c.lineWidth = 0.6;
      if (tall) c.strokeRect(i * width / BINS, HEIGHT - tall, width / BINS - 0.6, tall);
    });
  }
}
