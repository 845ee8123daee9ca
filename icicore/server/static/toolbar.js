// Magnification buttons and view commands.
import { h, icon } from './dom.js';

export const MAGNIFICATIONS = [1.25, 5, 10, 20, 40];

export class Toolbar {
  /** @param actions {fit, magnify(x), zoomIn, zoomOut, rotate(by), upright, mirror, fullScreen, help} */
  constructor(actions) {
    const button = (content, title, onclick, extra = {}) => h('button', { type: 'button', title, 'aria-label': title, onclick, ...extra }, content);
    this.steps = MAGNIFICATIONS.map(x => button(`${x}×`, `Magnification ${x}×`, () => actions.magnify(x), { 'data-magnification': String(x), class: 'step' }));
    this.turn = button('0°', 'Turned by 0°; click: upright', () => actions.upright(), { class: 'angle rare', 'data-action': 'upright' });
    this.mirror = button(icon('mirror'), 'Mirror (m)', actions.mirror, { 'data-action': 'mirror', 'aria-pressed': 'false' });
    this.el = h('div', { class: 'toolbar card', role: 'toolbar', 'aria-label': 'View' },
      h('div', { class: 'group' }, button(icon('fit'), 'Whole slide (0)', actions.fit, { 'data-action': 'fit' }), this.steps),
      h('div', { class: 'group' }, button(icon('minus'), 'Zoom out (−)', actions.zoomOut), button(icon('plus'), 'Zoom in (+)', actions.zoomIn)),
      h('div', { class: 'group' }, button(icon('back'), 'Rotate left by 90° (R)', () => actions.rotate(-90), { class: 'rare' }), this.turn, button(icon('rotate'), 'Rotate right by 90° (r)', () => actions.rotate(90)), this.mirror,
        button(icon('full'), 'Full screen (f)', actions.fullScreen, { 'data-action': 'full' }), button(icon('help'), 'Keys and mouse (?)', actions.help, { 'data-action': 'help' })));
  }

  /** Mark the current magnification; dim those beyond what was scanned; show how the slide is turned and whether it is mirrored. */
  update(current, native, { rotation, flip }) {
    const angle = ((Math.round(rotation) % 360) + 360) % 360;
    this.turn.textContent = `${angle}°`; this.turn.title = `Turned by ${angle}°; click: upright`;
    this.turn.classList.toggle('current', angle !== 0);
    this.mirror.setAttribute('aria-pressed', String(flip)); this.mirror.title = flip ? 'Mirrored; click: as scanned (m)' : 'Mirror (m)';
    this.mirror.classList.toggle('current', flip);
    for (const [i, x] of MAGNIFICATIONS.entries()) {
      this.steps[i].classList.toggle('current', Math.abs(Math.log2(current / x)) < 0.05);
      const beyond = x > native * 1.2;
      this.steps[i].classList.toggle('beyond', beyond);
      this.steps[i].title = beyond ? `Magnification ${x}×, beyond the scanned ${Math.round(native * 10) / 10}×` : `Magnification ${x}×`;
    }
  }
}
