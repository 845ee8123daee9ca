// Scale bar and magnification read-out, from the slide's pixel size.
import { h } from './dom.js';
import { length, magnification } from './format.js';

const LONGEST_PX = 150;

/** Largest of 1, 2, 5 × 10^k micrometres that fits. */
export function niceLength(longest) {
  const decade = 10 ** Math.floor(Math.log10(longest));
  return [5, 2, 1].map(k => k * decade).find(x => x <= longest) ?? decade;
}

/** Objective magnification at a pixel size on screen: 10× is 1 µm per pixel. */
export const magnificationOf = umPerPx => 10 / umPerPx;

export class ScaleBar {
  constructor() {
    this.bar = h('div', { class: 'scale-line' }); this.text = h('span', { class: 'scale-length' }); this.zoom = h('span', { class: 'scale-zoom' });
    this.el = h('div', { class: 'scalebar card', role: 'img', 'aria-label': 'Scale bar' }, h('div', { class: 'scale-box' }, this.text, this.bar), this.zoom);
  }

  update(umPerPx) {
    const um = niceLength(LONGEST_PX * umPerPx);
    this.bar.style.width = `${um / umPerPx}px`;
    this.text.textContent = length(um);
    this.zoom.textContent = magnification(magnificationOf(umPerPx));
    this.zoom.title = `${umPerPx.toPrecision(3)} µm per screen pixel`;
    this.el.setAttribute('aria-label', `Scale bar ${length(um)}, magnification ${this.zoom.textContent}`);
  }
}
