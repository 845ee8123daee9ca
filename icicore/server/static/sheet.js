// Tile sheet and gallery of one slide. `mount` is called by Streamlit after each run whose data changed.
import { announce, listen, registry } from './bus.js';
import { attachStyles, h, heightOf } from './dom.js';
import { fetchJson } from './fetching.js';
import { count, fixed } from './format.js';
import { Gallery } from './gallery.js';
import { TileTable } from './geometry.js';
import { ORDERS, SheetView } from './sheet_view.js';

const IDLE = 'Click a tile to see it in the slide.';

class TileSheet {
  constructor(root, mode) {
    this.mode = mode; this.generation = 0; this.queue = Promise.resolve();
    this.hud = h('div', { class: 'hud', 'aria-live': 'polite' }, IDLE);
    this.title = h('span', { class: 'count' });
    const on = { hover: i => this.hovered(i), choose: i => this.choose(i) };
    this.body = mode === 'gallery' ? new Gallery(on) : new SheetView(on);
    this.el = h('div', { class: `sheet ${mode}` }, h('div', { class: 'bar-top' }, mode === 'gallery' ? [this.body.metrics, this.title] : this.controls()), this.body.el,
      mode === 'gallery' ? null : this.hud);
    root.appendChild(this.el);
    this.ready = attachStyles(root, ['base.css', 'sheet.css']);
    this.unlisten = listen(this, {
      choose: tile => { if (tile.slide === this.slide?.id) this.body.select(tile.index); },
      layers: () => this.recolour(),
    });
  }

  controls() {
    this.order = h('select', { class: 'order', 'aria-label': 'Sort tiles by', onchange: e => { registry.memory.order = e.target.value; this.body.sort(e.target.value); } },
      Object.entries(ORDERS).map(([key, name]) => h('option', { value: key, selected: key === registry.memory.order }, name)));
    this.cam = h('button', { type: 'button', class: 'cam', 'aria-pressed': 'false', title: 'Lay Grad-CAM over the tiles',
      onclick: () => { const on = this.cam.getAttribute('aria-pressed') === 'false'; this.cam.setAttribute('aria-pressed', String(on)); this.body.showCam(on); } }, 'Grad-CAM');
    const size = h('input', { type: 'range', class: 'size', min: 44, max: 168, step: 4, value: this.body.size, 'aria-label': 'Tile size', title: 'Tile size',
      oninput: e => this.body.resize(Number(e.target.value)) });
    return [this.order, h('div', { class: 'segments' }, this.cam), size, this.title];
  }

  update(data, io) {
    Object.assign(this, { data, io });
    if (this.mode === 'sheet') this.el.style.height = heightOf(data);
    registry.sheets[data.sheet_id] = this;
    this.queue = this.queue.then(() => this.apply(data)).catch(error => { console.warn(error); this.hud.textContent = 'The tiles of this slide cannot be shown.'; });
  }

  async apply(data) {
    await this.ready;
    if (this.dead) return;
    const signature = JSON.stringify(data.slide);
    if (signature !== this.signature) {
      const table = new TileTable(await fetchJson(data.slide.urls.table), data.slide.cols);
      if (this.dead) return;
      Object.assign(this, { signature, table, slide: data.slide });
      await this.body.show(data.slide, table);
      if (this.dead) return;
      this.title.textContent = `${count(table.n)} tiles`;
      if (this.mode === 'sheet') { this.body.sort(this.order.value); if (this.cam.getAttribute('aria-pressed') === 'true') await this.body.showCam(true); this.idle(); }
    }
    const chosen = JSON.stringify(data.selected);
    if (data.selected && chosen !== this.chosen && data.selected.slide === this.slide.id) this.body.select(this.table.resolve(data.selected)?.index ?? -1);
    this.chosen = chosen;
  }

  recolour() {
    if (!this.slide) return;
    if (this.mode === 'gallery') this.body.render();
    else { this.body.tints.refresh(); this.body.redraw(); this.idle(); }
  }

  choose(i) {
    const tile = this.table.resolve({ slide: this.slide.id, index: i });
    this.chosen = JSON.stringify(tile);
    announce(this, 'choose', tile);
    this.io.setTriggerValue('tile', tile);
  }

  hovered(i) {
    if (i < 0) return this.idle();
    const t = this.body.describe(i), of = ` of ${count(this.table.n)}`;
    this.hud.replaceChildren(h('div', { class: 'readings' },
      h('span', {}, 'Attention ', h('b', {}, t.attention), h('em', {}, ` rank ${count(t.attentionRank)}${of}`)),
      h('span', {}, 'Contribution ', h('b', {}, t.contribution), h('em', {}, ` rank ${count(t.contributionRank)}`)),
      h('span', { class: 'where' }, `row ${t.row}, col ${t.col}`)));
    return undefined;
  }

  /** At rest the strip explains the frame colours. */
  idle() {
    const { tints } = this.body;
    this.hud.replaceChildren(h('div', { class: 'key' }, 'Frame: attention', h('span', {}, fixed(tints.scale.invert(0), tints.scale.high)),
      h('i', { class: 'key-bar', style: `background:${tints.gradient}` }), h('span', {}, fixed(tints.scale.invert(1), tints.scale.high)), h('em', {}, tints.scale.kind)), h('span', { class: 'where' }, IDLE));
  }

  destroy() {
    this.dead = true;
    this.unlisten(); this.body.destroy();
    if (registry.sheets[this.data?.sheet_id] === this) delete registry.sheets[this.data.sheet_id];
    this.el.remove();
  }
}

const mounted = new WeakMap();

export function mount({ data, parentElement, setTriggerValue }) {
  let sheet = mounted.get(parentElement);
  if (!sheet || sheet.dead || sheet.mode !== data.mode) {
    sheet?.destroy();
    mounted.set(parentElement, sheet = new TileSheet(parentElement, data.mode));
  }
  const generation = ++sheet.generation;
  sheet.update(data, { setTriggerValue });
  return () => setTimeout(() => {                               // also runs when a newer call overtook this one
    const host = parentElement.host ?? parentElement;
    if (sheet.generation === generation && !host.isConnected) { sheet.destroy(); mounted.delete(parentElement); }
  }, 0);
}
