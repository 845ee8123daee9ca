// All tissue tiles as thumbnails on one canvas that draws only what is in sight.
import { h } from './dom.js';
import { value } from './format.js';
import { Layer } from './layers.js';
import { ImagePool, Sprites, tileAddress } from './sprites.js';
import { Tints } from './tints.js';

export const ORDERS = {
  'attention-high': 'Attention, high to low', 'attention-low': 'Attention, low to high',
  'contribution-high': 'Contribution, high to low', 'contribution-low': 'Contribution, low to high', position: 'Position on the slide',
};
const PAD = 10, GAP = 7, FRAME = 4, SHARP_FROM = 92;

export class SheetView {
  /** @param on {hover(i), choose(i)} with tile numbers */
  constructor(on) {
    Object.assign(this, { on, size: 72, order: [], hovered: -1, focused: 0, selected: -1, cam: null, columns: null });
    this.canvas = h('canvas', { class: 'tiles' });
    this.spacer = h('div', { class: 'spacer' }, this.canvas);
    this.el = h('div', { class: 'scroll', tabIndex: 0, role: 'application', 'aria-label': 'Tiles; arrow keys move, Enter opens a tile in the viewer',
      onscroll: () => this.redraw(), onpointermove: e => this.point(e), onpointerleave: () => this.hover(-1),
      onclick: e => this.click(e), onkeydown: e => this.key(e) }, this.spacer);
    this.resizing = new ResizeObserver(() => this.layout());
    this.resizing.observe(this.el);
  }

  async show(slide, table) {
    this.sprites?.close(); this.sharp?.close();
    Object.assign(this, { slide, table, columns: table.columns, selected: -1, focused: 0, cam: null });
    this.tints = new Tints(slide, table.columns);
    this.sharp = new ImagePool({ keep: 320, parallel: 3, onLoad: () => this.redraw(), address: i => tileAddress(slide, table.columns, i, 192) });
    this.sprites = await Sprites.open(slide.urls, () => this.redraw());
  }

  sort(how) {
    const [column, direction] = how.split('-');
    this.order = column === 'position' ? Array.from({ length: this.table.n }, (_, i) => i) : this.table.ranked(column);
    if (direction === 'low') this.order.reverse();
    this.placeOf = new Int32Array(this.table.n);
    this.order.forEach((i, place) => { this.placeOf[i] = place; });
    this.focused = this.selected >= 0 ? this.placeOf[this.selected] : 0;
    this.el.scrollTop = 0;
    this.layout();
  }

  /** Turn Grad-CAM over the thumbnails on or off. */
  async showCam(on) {
    const meta = on && this.slide.layers.find(l => l.id === 'gradcam');
    this.cam = meta ? await new Layer(meta, this.slide, { fade: true, colormap: 'turbo' }).load() : null;
    this.redraw();
  }

  resize(size) {
    const keep = this.order[this.firstVisible()];
    this.size = size;
    this.layout();
    if (keep !== undefined) this.el.scrollTop = Math.floor(this.placeOf[keep] / this.across) * this.pitch;
  }

  // --- layout ----------------------------------------------------------------------------------------------------

  get pitch() { return this.size + GAP; }
  firstVisible() { return Math.max(0, Math.floor((this.el.scrollTop - PAD) / this.pitch)) * (this.across ?? 1); }

  layout() {
    this.width = this.el.clientWidth; this.height = this.el.clientHeight;
    this.across = Math.max(1, Math.floor((this.width - 2 * PAD + GAP) / this.pitch));
    this.left = Math.floor((this.width - this.across * this.pitch + GAP) / 2);
    this.spacer.style.height = `${Math.ceil(this.order.length / this.across) * this.pitch - GAP + 2 * PAD}px`;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(this.canvas, { width: Math.round(this.width * ratio), height: Math.round(this.height * ratio) });
    this.canvas.style.width = `${this.width}px`; this.canvas.style.height = `${this.height}px`;
    this.redraw();
  }

  corner(place) {
    return [this.left + (place % this.across) * this.pitch, PAD + Math.floor(place / this.across) * this.pitch - this.el.scrollTop];
  }

  placeAt(event) {
    const box = this.canvas.getBoundingClientRect(), x = event.clientX - box.left - this.left, y = event.clientY - box.top + this.el.scrollTop - PAD;
    const col = Math.floor(x / this.pitch), row = Math.floor(y / this.pitch), place = row * this.across + col;
    const inside = x >= 0 && y >= 0 && col < this.across && x - col * this.pitch < this.size && y - row * this.pitch < this.size;
    return inside && place < this.order.length ? place : -1;
  }

  // --- drawing ---------------------------------------------------------------------------------------------------

  redraw() {
    if (this.pending) return;
    this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  draw() {
    if (!this.sprites || !this.order.length || !this.width) return;
    const began = performance.now(), ratio = window.devicePixelRatio || 1, context = this.canvas.getContext('2d');
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.width, this.height);
    const first = this.firstVisible(), last = Math.min(this.order.length, first + (Math.ceil(this.height / this.pitch) + 2) * this.across);
    this.visible = this.order.slice(first, last);
    this.sprites.want(this.visible);
    this.wantSharp();
    for (let place = first; place < last; place++) this.drawTile(context, place);
    for (const [i, colour, width] of [[this.hovered, 'rgb(255 255 255 / .95)', 2], [this.selected, '#35e0ff', 3]]) if (i >= 0) this.ring(context, this.placeOf[i], colour, width);
    if (this.el.matches(':focus-visible')) this.ring(context, this.focused, '#35e0ff', 1.5, [4, 3]);
    this.drawTime = performance.now() - began;
  }

  drawTile(context, place) {
    const i = this.order[place], [x, y] = this.corner(place), inner = this.size - 2 * FRAME;
    context.fillStyle = this.tints.of(i);
    context.fillRect(x, y, this.size, this.size);
    const sharp = this.size >= SHARP_FROM ? this.sharp.get(i) : null, small = sharp ? null : this.sprites.find(i);
    context.imageSmoothingEnabled = true;
    if (sharp) context.drawImage(sharp, x + FRAME, y + FRAME, inner, inner);
    else if (small) context.drawImage(small.image, small.x, small.y, small.size, small.size, x + FRAME, y + FRAME, inner, inner);
    else { context.fillStyle = '#e9e4ea'; context.fillRect(x + FRAME, y + FRAME, inner, inner); }
    if (this.cam) this.drawCam(context, i, x + FRAME, y + FRAME, inner);
  }

  drawCam(context, i, x, y, inner) {
    const cells = this.cam.cols / this.slide.cols;
    context.imageSmoothingEnabled = false;
    context.globalAlpha = 0.65;
    context.drawImage(this.cam.image(), this.columns.col[i] * cells, this.columns.row[i] * cells, cells, cells, x, y, inner, inner);
    context.globalAlpha = 1;
  }

  ring(context, place, colour, width, dash = []) {
    const [x, y] = this.corner(place);
    for (const [stroke, thick] of [['rgb(9 25 40 / .85)', width + 2], [colour, width]]) {
      context.strokeStyle = stroke; context.lineWidth = thick; context.setLineDash(dash);
      context.strokeRect(x - 1.5, y - 1.5, this.size + 3, this.size + 3);
    }
    context.setLineDash([]);
  }

  /** Fetch large pictures once scrolling has paused. */
  wantSharp() {
    clearTimeout(this.sharpening);
    if (this.size >= SHARP_FROM) this.sharpening = setTimeout(() => this.sharp.want(this.visible), 160);
  }

  // --- mouse and keys --------------------------------------------------------------------------------------------

  point(event) { this.hover(this.order[this.placeAt(event)] ?? -1); }

  hover(i) {
    if (i === this.hovered) return;
    this.hovered = i;
    this.canvas.style.cursor = i >= 0 ? 'pointer' : '';
    this.on.hover(i);
    this.redraw();
  }

  click(event) {
    const place = this.placeAt(event);
    if (place < 0) return;
    this.focused = place;
    this.choose(this.order[place]);
  }

  choose(i) { this.selected = i; this.on.choose(i); this.redraw(); }

  /** Frame a tile that was chosen elsewhere and bring it into sight. */
  select(i) {
    this.selected = i;
    if (i >= 0 && this.placeOf) { this.focused = this.placeOf[i]; this.centre(this.focused); }
    this.redraw();
  }

  /** Bring a tile to the middle, unless it is in sight already. */
  centre(place) {
    const top = Math.floor(place / this.across) * this.pitch, seen = this.el.scrollTop;
    if (top < seen || top + this.pitch > seen + this.height) this.el.scrollTop = top + PAD - (this.height - this.size) / 2;
  }

  reveal(place) {
    const top = PAD + Math.floor(place / this.across) * this.pitch, seen = this.el.scrollTop;
    if (top < seen + PAD) this.el.scrollTop = top - PAD;
    else if (top + this.size > seen + this.height - PAD) this.el.scrollTop = top + this.size - this.height + PAD;
  }

  key(event) {
    const screen = Math.max(1, Math.floor(this.height / this.pitch)) * this.across, end = this.order.length - 1;
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.across, ArrowDown: this.across, PageUp: -screen, PageDown: screen, Home: -end, End: end }[event.key];
    if (move !== undefined) {
      this.focused = Math.max(0, Math.min(end, this.focused + move));
      this.reveal(this.focused);
      this.hover(this.order[this.focused]);
      this.redraw();
    } else if (event.key === 'Enter' || event.key === ' ') this.choose(this.order[this.focused]);
    else return;
    event.preventDefault();
  }

  describe(i) {
    const c = this.columns;
    return { attention: value(c.attention[i]), attentionRank: c.attention_rank[i], contribution: value(c.contribution[i], true), contributionRank: c.contribution_rank[i],
      row: c.row[i], col: c.col[i] };
  }

  destroy() { this.resizing.disconnect(); cancelAnimationFrame(this.pending); clearTimeout(this.sharpening); this.sprites?.close(); this.sharp?.close(); }
}
