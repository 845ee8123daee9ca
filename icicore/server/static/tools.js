// Tools at the right edge: draw, measure, compare, take with you.
import { h, icon } from './dom.js';

const TOOLS = [
  [['polygon', 'polygon', 'Outline a region (d): click its corners, double click ends'], ['rectangle', 'rectangle', 'Draw a box (b)'], ['point', 'point', 'Set a point (t)'], ['list', 'list', 'Annotations (l)']],
  [['measure', 'ruler', 'Measure (u): click along a line, click the first point again for the area'], ['grid', 'grid', 'Test grid: borders of all tiles (g)'], ['second', 'split', 'Second view without layers (v)'],
    ['shot', 'camera', 'Save the picture with legend and scale (s)']],
];

export class Tools {
  /** @param act act(name) */
  constructor(act) {
    this.buttons = {};
    const button = ([name, drawing, title]) => (this.buttons[name] = h('button', { type: 'button', title, 'aria-label': title, 'data-tool': name, 'aria-pressed': 'false', onclick: () => act(name) }, icon(drawing)));
    this.count = h('i', { class: 'number-of' });
    this.el = h('div', { class: 'tools card', role: 'toolbar', 'aria-label': 'Tools', 'aria-orientation': 'vertical' }, TOOLS.map(group => h('div', { class: 'group' }, group.map(button))));
    this.buttons.list.append(this.count);
  }

  /** Mark what is on. @param on names */
  mark(on) { for (const [name, button] of Object.entries(this.buttons)) button.setAttribute('aria-pressed', String(on.includes(name))); }

  /** Without a place to read them from there are no annotations; without one to save them, none are drawn. */
  offer(reading, writing) {
    for (const name of ['polygon', 'rectangle', 'point']) this.buttons[name].hidden = !writing;
    this.buttons.list.hidden = !reading;
  }

  annotations(n, { trouble }) {
    this.count.textContent = n || '';
    this.count.classList.toggle('trouble', Boolean(trouble));
  }
}
