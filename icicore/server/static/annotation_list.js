// All annotations of the slide, what is saved of them, and the way to QuPath and back.
import { h, icon } from './dom.js';

export class AnnotationList {
  /** @param on {choose(id), visible(on), restore(), load(file, origin), label(name)} */
  constructor(on) {
    this.on = on; this.answer = null;
    this.status = h('p', { class: 'status', role: 'status' });
    this.items = h('div', { class: 'items', role: 'group', 'aria-label': 'Annotations of this slide' });
    this.eye = h('button', { type: 'button', class: 'eye', role: 'switch', title: 'Show or hide the annotations', 'aria-label': 'Show annotations', onclick: () => on.visible(this.eye.getAttribute('aria-checked') !== 'true') });
    this.undo = h('button', { type: 'button', class: 'plain', hidden: true, onclick: () => on.restore() }, 'Bring back');
    this.next = h('select', { 'aria-label': 'Class of the next annotation', onchange: () => on.label(this.next.value) });
    this.origin = h('select', { 'aria-label': 'Corner that coordinates count from', title: 'QuPath shows only the scanned area of this slide and counts from its corner, unless the slide was added with --no-crop' },
      h('option', { value: 'scan' }, 'QuPath, as usual'), h('option', { value: 'file' }, 'QuPath with --no-crop'));
    this.origins = h('label', { class: 'line', hidden: true }, h('span', {}, 'Counts from'), this.origin);
    this.file = h('input', { type: 'file', accept: '.geojson,.json', hidden: true, onchange: () => this.chosen() });
    this.out = h('a', { class: 'plain', download: '', title: 'Save all annotations as GeoJSON for QuPath' }, 'Export');
    this.drawAs = h('label', { class: 'line' }, h('span', {}, 'Draw as'), this.next);
    this.in = h('button', { type: 'button', class: 'plain', title: 'Read GeoJSON from QuPath', onclick: () => this.file.click() }, 'Import');
    this.origin.addEventListener('change', () => this.address());
    this.el = h('section', { class: 'notes card', 'aria-label': 'Annotations', hidden: true },
      h('header', {}, h('b', {}, 'Annotations'), this.eye, h('button', { type: 'button', class: 'close', 'aria-label': 'Close', title: 'Close (l)', onclick: () => this.toggle(false) }, icon('close', 14))),
      this.drawAs, this.items, this.undo, this.status, this.origins,
      h('footer', {}, this.out, this.in, this.file));
  }

  /** Turn to a slide. A choice of the corner is offered only where the slide states a scanned area. */
  open(slide, frame, classes, writes = true) {
    this.writes = writes; this.drawAs.hidden = this.in.hidden = !writes;
    this.slide = slide; this.answer = null;
    this.next.replaceChildren(...Object.keys(classes).map(n => h('option', { value: n }, n)));
    this.origins.hidden = frame.origin.every(v => v === 0) && frame.width === slide.width_l0 && frame.height === slide.height_l0;
    this.address();
  }

  address() { this.out.href = this.slide.urls.annotations_export.replace('{origin}', this.origin.value); }

  toggle(on = this.el.hidden) { this.el.hidden = !on; }

  show(list, { selected, status, removed, visible }) {
    this.eye.setAttribute('aria-checked', String(visible));
    this.eye.replaceChildren(icon(visible ? 'eye' : 'hidden'));
    this.items.replaceChildren(...(list.length ? list.map(a => this.item(a, a.id === selected)) : [h('p', { class: 'none' }, this.writes ? 'Nothing drawn yet. Choose a tool at the right, or agree or disagree with a tile.' : 'Nothing drawn yet.')]));
    this.undo.hidden = !removed || !this.writes;
    const shown = this.answer ?? status;
    this.status.textContent = shown.text;
    this.status.classList.toggle('trouble', shown.trouble);
  }

  item(a, on) {
    const name = a.verdict ? `${a.verdict === 'agree' ? '✓ Agree' : '✗ Disagree'}` : a.label, tiles = a.about?.tiles ?? 1;
    const more = a.verdict ? [`${a.about?.layer ?? ''}, ${tiles === 1 ? '1 tile' : `${tiles} tiles`}`, a.comment].filter(Boolean).join(': ') : a.comment;
    return h('button', { type: 'button', 'aria-pressed': String(on), class: on ? 'on' : '', title: a.comment || a.label, 'data-id': a.id, onclick: () => this.on.choose(a.id) },
      h('i', { class: a.geometry.type.endsWith('Point') ? 'chip round' : 'chip', style: `background:rgb(${a.colour.join(' ')})` }), h('span', {}, name), h('em', {}, more));
  }

  async chosen() {
    const [file] = this.file.files;
    this.file.value = '';
    if (!file) return;
    this.status.textContent = `${file.name}: reading …`;
    this.answer = await this.on.load(file, this.origin.value);
    this.status.textContent = this.answer.text;
    this.status.classList.toggle('trouble', this.answer.trouble);
    setTimeout(() => { this.answer = null; }, 8000);
  }
}
