// Magnification buttons and view commands.
import { h, icon } from './dom.js';

export const MAGNIFICATIONS = [1.25, 5, 10, 20, 40];

export class Toolbar {
  /** @param actions {fit, magnify(x), zoomIn, zoomOut, rotate, mirror, fullScreen, help} */
  constructor(actions) {
    const button = (content, title, onclick, extra = {}) => h('button', { type: 'button', title, 'aria-label': title, onclick, ...extra }, content);
    this.steps = MAGNIFICATIONS.map(x => button(`${x}×`, `Magnification ${x}×`, () => actions.magnify(x), { 'data-magnification': String(x), class: 'step' }));
    this.el = h('div', { class: 'toolbar card', role: 'toolbar', 'aria-label': 'View' },
      h('div', { class: 'group' }, button(icon('fit'), 'Whole slide (0)', actions.fit, { 'data-action': 'fit' }), this.steps),
      h('div', { class: 'group' }, button(icon('minus'), 'Zoom out (−)', actions.zoomOut), button(icon('plus'), 'Zoom in (+)', actions.zoomIn)),
      h('div', { class: 'group' }, button(icon('rotate'), 'Rotate by 90° (r)', actions.rotate), button(icon('mirror'), 'Mirror (m)', actions.mirror, { class: 'rare' }),
        button(icon('full'), 'Full screen (f)', actions.fullScreen, { 'data-action': 'full' }), button(icon('help'), 'Keys and mouse (?)', actions.help, { 'data-action': 'help' })));
  }

  /** Mark the current magnification; dim those beyond what was scanned. */
  update(current, native) {
    for (const [i, x] of MAGNIFICATIONS.entries()) {
      this.steps[i].classList.toggle('current', Math.abs(Math.log2(current / x)) < 0.05);
      const beyond = x > native * 1.2;
      this.steps[i].classList.toggle('beyond', beyond);
      this.steps[i].title = beyond ? `Magnification ${x}×, beyond the scanned ${Math.round(native * 10) / 10}×` : `Magnification ${x}×`;
    }
  }
}
