// The highest and the lowest tiles of a slide as two strips.
import { CATEGORIES } from './colormaps.js';
import { h } from './dom.js';
import { value } from './format.js';
import { NAMES } from './layers.js';
import { tileAddress } from './sprites.js';
import { Tints } from './tints.js';

const SHOWN = 10, PICTURE_PX = 192;
const RANKED = { attention: 'attention', contribution: 'contribution to response', leave_one_out: 'effect of leaving it out' };

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
    if (!table.columns[this.metric]) this.metric = 'attention';
    this.render();
  }

  render() {
    const { metric, table } = this, ranked = table.ranked(metric), shown = Math.min(SHOWN, Math.floor(table.n / 2) || table.n);
    this.tints = new Tints(this.slide, table.columns, metric);
    this.metrics.replaceChildren(...Object.keys(RANKED).filter(m => table.columns[m]).map(m => h('button', { type: 'button', role: 'radio', 'aria-checked': String(m === metric), 'data-metric': m,
      onclick: () => { this.metric = m; this.render(); } }, NAMES[m])));
    const name = RANKED[metric];
    this.strips.replaceChildren(
      this.strip(`Highest ${name}`, ranked.slice(0, shown), i => table.columns[`${metric}_rank`][i]),
      this.strip(`Lowest ${name}`, ranked.slice(-shown).reverse(), i => table.columns[`${metric}_rank`][i]));
    this.select(this.selected, false);
  }

  strip(title, indices, rankOf) {
    return h('section', { 'aria-label': title }, h('h4', {}, title), h('div', { class: 'strip' }, indices.map(i => this.card(i, rankOf(i)))));
  }

  card(i, rank) {
    const { columns } = this.table, signed = this.metric !== 'attention', kind = this.kindOf(i), shown = value(columns[this.metric][i], signed);
    return h('button', { type: 'button', class: 'tile', 'data-index': String(i), title: `Row ${columns.row[i]}, column ${columns.col[i]}: show in the viewer`,
      'aria-label': `Rank ${rank}, ${NAMES[this.metric]} ${shown}${kind ? `, ${kind.name}` : ''}`, onclick: () => { this.select(i, false); this.on.choose(i); } },
    h('img', { src: tileAddress(this.slide, columns, i, PICTURE_PX), alt: '', loading: 'lazy', decoding: 'async', style: `border-color:${this.tints.of(i)}` }),
    h('span', {}, h('em', {}, `#${rank}`), h('b', {}, shown)),
    kind ? h('span', { class: 'kind' }, h('i', { class: 'chip', style: `background:${kind.colour}` }), kind.name) : null);
  }

  /** Tissue class of a tile, where the slide was classified. */
  kindOf(i) {
    const names = this.slide.layers.find(l => l.id === 'classes')?.classes, place = this.table.columns.tile_class?.[i];
    return names && place !== undefined ? { name: names[place], colour: `rgb(${CATEGORIES[place].join(' ')})` } : null;
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
