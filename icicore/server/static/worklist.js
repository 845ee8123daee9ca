// Table of cases: one page of a listing that the server sorts and cuts. `mount` is called by Streamlit after each run.
import { attachStyles, debounce, h } from './dom.js';

const REPORT_MS = 250;
let cursor = { listing: '', key: null };  // the case the keys point at, not its row; outlives a table that is built anew

class WorkList {
  constructor(root) {
    this.generation = 0; this.active = -1; this.ticked = new Set(); this.cleared = null;
    this.head = h('tr', {}); this.body = h('tbody', {});
    this.table = h('table', {}, h('thead', {}, this.head), this.body);
    this.box = h('div', { class: 'list', tabIndex: 0, role: 'group', 'aria-label': 'Work list: arrow keys move, Enter opens, Space ticks', onkeydown: e => this.onKey(e) }, this.table);
    this.place = h('span', {}); this.chosen = h('b', {});
    this.back = h('button', { type: 'button', onclick: () => this.turn(-1) }, 'Previous');
    this.next = h('button', { type: 'button', onclick: () => this.turn(1) }, 'Next');
    this.keys = h('span', { class: 'push' }, ...[['↑ ↓', 'move'], ['Enter', 'open'], ['Space', 'tick'], ['/', 'search']].flatMap(([k, what]) => [h('kbd', {}, k), ` ${what}   `]));
    this.foot = h('div', { class: 'foot' }, this.back, this.next, this.place, this.chosen, this.keys);
    this.ready = attachStyles(root, ['base.css', 'worklist.css']);
    this.el = h('div', { class: 'worklist', style: 'visibility: hidden' }, this.box, this.foot);
    root.appendChild(this.el);
    this.tell = debounce(() => this.io.setStateValue('ticked', { keys: [...this.ticked], cleared: this.cleared }), REPORT_MS);
    this.global = event => this.onPageKey(event);
    document.addEventListener('keydown', this.global);
  }

  async update(data, io) {
    Object.assign(this, { data, io });
    await this.ready;
    if (this.dead) return;
    this.el.style.visibility = '';
    if (this.cleared === null) this.ticked = new Set(data.ticked);                // built anew, as after another page
    else if (this.cleared !== data.cleared && this.ticked.size) { this.ticked.clear(); this.tell(); }
    this.cleared = data.cleared;
    const listing = JSON.stringify([data.search, data.sort, data.offset, data.listing]);
    if (listing !== this.listing) { this.listing = listing; this.box.scrollTop = 0; }
    this.active = cursor.listing === listing ? data.rows.findIndex(r => r.key === cursor.key) : -1;  // rows may have moved
    this.box.style.maxHeight = `${data.height}px`;
    this.drawHead(); this.drawBody(); this.drawFoot();
  }

  drawHead() {
    const { columns, sort, rows } = this.data, all = rows.length > 0 && rows.every(r => this.ticked.has(r.key));
    const tick = h('input', { type: 'checkbox', checked: all, 'aria-label': 'Tick all cases on this page', onchange: e => { for (const r of rows) this.mark(r.key, e.target.checked); this.drawBody(); this.drawFoot(); } });
    const cells = columns.map(c => {
      const on = sort.column === c.id, way = on ? (sort.descending ? 'descending' : 'ascending') : 'none';
      const button = h('button', { type: 'button', title: c.help, onclick: () => this.sort(c.id) }, c.name, h('i', { 'aria-hidden': 'true' }, on ? (sort.descending ? '▼' : '▲') : ''));
      return h('th', { scope: 'col', 'aria-sort': way, class: c.num ? 'num' : '', style: c.width ? `width:${c.width}` : '' }, button);
    });
    this.head.replaceChildren(h('th', { class: 'tick' }, h('label', {}, tick)), ...cells);
  }

  drawBody() {
    const { rows, columns, nothing } = this.data;
    if (!rows.length) { this.body.replaceChildren(h('tr', {}, h('td', { class: 'empty', colSpan: columns.length + 1 }, nothing))); return; }
    this.body.replaceChildren(...rows.map((row, i) => {
      const tick = h('input', { type: 'checkbox', tabIndex: -1, checked: this.ticked.has(row.key), 'aria-label': `Tick ${row.case}` });
      tick.addEventListener('change', () => { this.mark(row.key, tick.checked); line.classList.toggle('ticked', tick.checked); this.drawHead(); this.drawFoot(); });
      const line = h('tr', { class: [this.ticked.has(row.key) && 'ticked', i === this.active && 'active'].filter(Boolean).join(' '), 'data-key': row.key },
        h('td', { class: 'tick', onclick: e => e.stopPropagation() }, h('label', {}, tick)), ...columns.map(c => this.cell(c, row)));
      line.addEventListener('click', () => { if (!String(window.getSelection())) this.open(i); });
      return line;
    }));
  }

  /** All text goes in as text: names from files are never read as markup. */
  cell({ id, num }, row) {
    const value = row[id], plain = (text, extra = '') => h('td', { class: [num && 'num', (text === '' || text === null || text === undefined) && 'none', extra].filter(Boolean).join(' '), title: String(text ?? '') }, text === '' || text === null || text === undefined ? '–' : String(text));
    if (id === 'case') return h('td', { class: 'id', title: row.case }, row.case, row.virtual ? h('small', {}, ' virtual') : null);
    if (id === 'state') return h('td', {}, h('span', { class: `badge ${row.look}` }, row.mark ? `${row.mark} ` : '', value));
    if (id === 'flags') return value.length ? h('td', { title: value.join(', ') }, ...value.map(f => h('span', { class: 'badge warn' }, f))) : plain('');
    if (id === 'probability') {
      if (value === null) return plain('');
      const low = row.low ?? value, high = row.high ?? value;
      return h('td', { title: `${row.percent}, 95 % interval ${row.interval}` }, h('div', { class: 'chance' }, h('b', {}, row.percent),
        h('div', { class: 'rail' }, h('u', { style: `left:${100 * low}%;width:${100 * (high - low)}%` }), h('i', { style: `left:${100 * value}%` }))));
    }
    return plain(value);
  }

  drawFoot() {
    const { offset, rows, total, size } = this.data;
    this.place.textContent = total ? `${offset + 1}–${offset + rows.length} of ${total.toLocaleString('en').replaceAll(',', '\u202f')}` : '';
    this.back.disabled = offset === 0; this.next.disabled = offset + size >= total;
    for (const b of [this.back, this.next]) b.hidden = total <= size;
    this.chosen.textContent = this.ticked.size ? `${this.ticked.size} ticked` : '';
  }

  mark(key, on) { if (on) this.ticked.add(key); else this.ticked.delete(key); this.tell(); }
  open(i) { if (this.data.rows[i]) { this.point(i); this.act({ kind: 'open', key: this.data.rows[i].key }); } }
  sort(column) {
    const now = this.data.sort, descending = now.column === column && !now.descending;
    this.data = { ...this.data, sort: { column, descending } };                   // at once: a second click turns it round before the server has answered
    this.drawHead(); this.act({ kind: 'sort', column, descending });
  }
  turn(by) {
    const offset = this.data.offset + by * this.data.size;
    if (offset < 0 || offset >= this.data.total) return;
    this.data = { ...this.data, offset };                                         // at once, as in sort: a second click turns a second page
    this.drawFoot(); this.act({ kind: 'page', offset });
  }
  act(what) { this.io.setTriggerValue('act', what); }

  point(i) { this.active = i; cursor = { listing: this.listing, key: this.data.rows[i].key }; }

  step(to) {
    const n = this.data.rows.length;
    if (!n) return;
    this.point(Math.max(0, Math.min(n - 1, to)));
    [...this.body.children].forEach((line, i) => line.classList.toggle('active', i === this.active));
    this.body.children[this.active].scrollIntoView({ block: 'nearest' });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches?.('button')) return;
    const n = this.data.rows.length, page = 12;
    const does = {
      ArrowDown: () => this.step(this.active + 1), ArrowUp: () => this.step(this.active - 1), Home: () => this.step(0), End: () => this.step(n - 1),
      PageDown: () => (this.active >= n - 1 ? this.turn(1) : this.step(this.active + page)), PageUp: () => (this.active <= 0 ? this.turn(-1) : this.step(this.active - page)),
      Enter: () => this.open(this.active),
      ' ': () => { const row = this.data.rows[this.active]; if (row) { this.mark(row.key, !this.ticked.has(row.key)); this.drawHead(); this.drawBody(); this.drawFoot(); } },
    }[event.key];
    if (does) { does(); event.preventDefault(); }
  }

  /** "/" goes to the search field from anywhere on the page; an arrow from there leads into the table. */
  onPageKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const search = document.querySelector(`.st-key-${this.data?.search} input`), at = event.composedPath()[0];
    if (event.key === '/' && search && !at.matches?.('input:not([type=checkbox]), textarea, [contenteditable=true]')) { search.focus(); search.select(); event.preventDefault(); }
    if (event.key === 'ArrowDown' && search && at === search) { this.box.focus(); this.step(0); event.preventDefault(); }
  }

  destroy() { this.dead = true; this.tell.cancel(); document.removeEventListener('keydown', this.global); this.el.remove(); }
}

const mounted = new WeakMap();

export function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  let list = mounted.get(parentElement);
  if (!list || list.dead) mounted.set(parentElement, list = new WorkList(parentElement));
  const generation = ++list.generation;
  list.update(data, { setStateValue, setTriggerValue });
  // Streamlit also runs this when a newer call overtook this one, so it ends the table only when it has left the page.
  return () => setTimeout(() => {
    const host = parentElement.host ?? parentElement;
    if (list.generation === generation && !host.isConnected) { list.destroy(); mounted.delete(parentElement); }
  }, 0);
}
