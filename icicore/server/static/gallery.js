// The highest and the lowest tiles of a slide as two strips.
import { h } from './dom.js';
import { value } from './format.js';
import { tileAddress } from './sprites.js';
import { Tints } from './tints.js';

const SHOWN = 10, PICTURE_PX = 192;

export class Gallery {
  /** @param on {choose(i)} */
  constructor(on) {
    this.on = on; this.metric = 'attention'; this.selected = -1;
    this.metrics = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'Tiles by' });
    this.strips = h('div', { class: 'strips' });
    this.el = h('div', { class: 'gallery' }, this.strips);
  }

  show(slide, table) {
    Object.assign(this, { slide, table });
    this.render();
  }

  render() {
    const { metric, table } = this, ranked = table.ranked(metric), shown = Math.min(SHOWN, Math.floor(table.n / 2) || table.n);
    this.tints = new Tints(this.slide, table.columns, metric);
    this.metrics.replaceChildren(...['attention', 'contribution'].map(m => h('button', { type: 'button', role: 'radio', 'aria-checked': String(m === metric), 'data-metric': m,
      onclick: () => { this.metric = m; this.render(); } }, m === 'attention' ? 'Attention' : 'Contribution')));
    const name = metric === 'attention' ? 'attention' : 'contribution to response';
    this.strips.replaceChildren(
      this.strip(`Highest ${name}`, ranked.slice(0, shown), i => table.columns[`${metric}_rank`][i]),
      this.strip(`Lowest ${name}`, ranked.slice(-shown).reverse(), i => table.columns[`${metric}_rank`][i]));
    this.select(this.selected, false);
  }

  strip(title, indices, rankOf) {
    return h('section', { 'aria-label': title }, h('h4', {}, title), h('div', { class: 'strip' }, indices.map(i => this.card(i, rankOf(i)))));
  }

  card(i, rank) {
    const { columns } = this.table, signed = this.metric === 'contribution', shown = value(columns[this.metric][i], signed);
    return h('button', { type: 'button', class: 'tile', 'data-index': String(i), title: `Row ${columns.row[i]}, column ${columns.col[i]}: show in the viewer`,
      'aria-label': `Rank ${rank}, ${this.metric} ${shown}`, onclick: () => { this.select(i, false); this.on.choose(i); } },
    h('img', { src: tileAddress(this.slide, columns, i, PICTURE_PX), alt: '', loading: 'lazy', decoding: 'async', style: `border-color:${this.tints.of(i)}` }),
    h('span', {}, h('em', {}, `#${rank}`), h('b', {}, shown)));
  }

  select(i, reveal = true) {
    this.selected = i;
    for (const card of this.strips.querySelectorAll('.tile')) {
      const on = Number(card.dataset.index) === i;
      card.setAttribute('aria-pressed', String(on));
      if (on && reveal) card.parentElement.scrollTo({ left: card.offsetLeft - 60, behavior: 'smooth' });
    }
  }

  destroy() { this.strips.replaceChildren(); }
}
