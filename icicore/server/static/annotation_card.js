// The annotation that is selected: class, comment, who and when, size.
import { debounce, h, icon } from './dom.js';
import { areaText, moment } from './format.js';
import { area, points, polygons } from './shapes.js';

const OTHER = '\u0000other';

export class AnnotationCard {
  /** @param on {change(id, change), remove(id), reshape(id), close()} */
  constructor(on) {
    this.on = on; this.id = null;
    this.el = h('section', { class: 'note card', 'aria-label': 'Annotation', hidden: true });
    this.say = debounce((id, comment) => on.change(id, { comment }), 500);
  }

  /** Show one, or nothing. What is being typed, a comment or the name of a class, is not overwritten. */
  show(annotation, frame, classes, writes = true) {
    if (!annotation) { this.flush(); this.el.hidden = true; this.id = null; return; }
    if (this.id !== annotation.id) { this.flush(); this.build(annotation, frame, classes); }
    this.update(annotation, frame);
    this.label.disabled = !writes || Boolean(annotation.verdict); this.comment.readOnly = !writes;
    this.el.querySelector('footer').hidden = !writes;
  }

  build(annotation, frame, classes) {
    this.id = annotation.id; this.naming = false;
    const names = [...new Set([...Object.keys(classes), annotation.label])];
    this.label = h('select', { 'aria-label': 'Class', disabled: Boolean(annotation.verdict), onchange: () => this.chosen() },
      names.map(n => h('option', { value: n }, n)), h('option', { value: OTHER }, 'Other class …'));
    this.own = h('input', { type: 'text', class: 'own', maxLength: 64, placeholder: 'Name of the class', 'aria-label': 'Name of the class', hidden: true,
      onchange: () => this.named(), onkeydown: e => { if (e.key === 'Enter') this.named(); if (e.key === 'Escape') { e.stopPropagation(); this.unnamed(); } } });
    this.comment = h('textarea', { rows: 2, maxLength: 4000, placeholder: 'Comment', 'aria-label': 'Comment', oninput: () => { this.typing = true; this.say(this.id, this.comment.value); },
      onblur: () => this.flush() });
    this.facts = h('p', { class: 'facts' });
    this.reshape = h('button', { type: 'button', class: 'plain', title: 'Drag the corners of the outline', onclick: () => this.on.reshape(this.id) }, 'Reshape');
    this.chip = h('i', { class: 'chip' });
    this.el.replaceChildren(h('header', {}, this.chip, this.label, h('button', { type: 'button', class: 'close', title: 'Close (Esc)', 'aria-label': 'Close', onclick: () => this.on.close() }, icon('close', 14))),
      this.own, this.comment, this.facts, h('footer', {}, this.reshape, h('button', { type: 'button', class: 'plain', title: 'Delete (Del)', onclick: () => this.on.remove(this.id) }, 'Delete')));
    this.comment.value = annotation.comment;
    this.el.hidden = false;
  }

  update(a, frame) {
    if (![...this.label.options].some(o => o.value === a.label)) this.label.prepend(h('option', { value: a.label }, a.label));
    this.known = a.label;
    if (!this.naming) { this.label.value = a.label; this.own.hidden = true; }
    if (!this.typing) this.comment.value = a.comment;
    this.chip.style.background = `rgb(${a.colour.join(' ')})`;
    const size = polygons(a.geometry).length ? areaText(area(a.geometry) * frame.mpp ** 2) : `${points(a.geometry).length === 1 ? '1 point' : `${points(a.geometry).length} points`}`;
    const about = a.verdict && a.about?.layer ? `${a.about.layer}${a.about.tiles > 1 ? `, ${a.about.tiles} tiles` : ''} · ` : '';
    const by = a.author ? `${a.author}, ${moment(a.created ?? a.updated)}` : 'not saved yet';
    const changed = a.author && a.revision > 1 ? ` · changed by ${a.changed_by}, ${moment(a.updated)}` : '';
    this.facts.textContent = `${about}${size} · ${by}${changed}`;
    this.reshape.hidden = a.geometry.type !== 'Polygon' || a.geometry.coordinates.length !== 1 || Boolean(a.verdict);
  }

  chosen() {
    this.naming = this.label.value === OTHER;
    if (!this.naming) { this.on.change(this.id, { label: this.label.value }); return; }
    this.own.value = ''; this.own.hidden = false; this.own.focus();
  }

  /** A class of one's own has been typed. */
  named() {
    const name = this.own.value.trim();
    if (!this.naming || !name) return;
    this.naming = false;
    this.on.change(this.id, { label: name });
  }

  /** Back to the class it had. */
  unnamed() {
    this.naming = false; this.own.value = ''; this.own.hidden = true;
    this.label.value = this.known; this.label.focus();
  }

  reshaping(on) { if (this.reshape) this.reshape.textContent = on ? 'Reshaping: Esc ends' : 'Reshape'; }

  /** Save what is being typed at once. */
  flush() {
    if (this.id) this.named();
    if (!this.typing || !this.id) return;
    this.say.cancel(); this.typing = false;
    this.on.change(this.id, { comment: this.comment.value });
  }
}
