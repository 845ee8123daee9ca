// Agree or disagree with what a layer says about the tile under inspection, or about the group of tiles around it.
import { h } from './dom.js';
import { topShare, value } from './format.js';
import { connected, holds, outlineOf } from './shapes.js';

const OPINION_LAYERS = ['attention', 'contribution', 'leave_one_out', 'gradcam_signed', 'gradcam'];
const GROUP_SHARE = 0.9;                                        // without a threshold, a group is tiles of the top tenth

/** Value of a layer in a tile; of a finer layer the one furthest from zero. */
export function tileValue(layer, row, col) {
  const cells = Math.round(layer.cols / layer.gridCols);
  let best = NaN;
  for (let r = row * cells; r < (row + 1) * cells; r++) for (let c = col * cells; c < (col + 1) * cells; c++) {
    const v = layer.values[r * layer.cols + c];
    if (v === v && !(Math.abs(v) <= Math.abs(best))) best = v;
  }
  return best;
}

/** Tiles that the layer highlights together with this one. */
export function groupAround(layer, tile) {
  const own = tileValue(layer, tile.row, tile.col), rows = layer.gridRows, cols = layer.gridCols;
  const least = layer.state.threshold ?? layer.scale.sorted[Math.floor(GROUP_SHARE * (layer.scale.sorted.length - 1))] ?? 0;
  return connected(tile, (row, col) => {
    if (row < 0 || col < 0 || row >= rows || col >= cols) return false;
    const v = tileValue(layer, row, col);
    return v === v && Math.sign(v) === Math.sign(own) && Math.abs(v) >= least;
  });
}

export class VerdictBar {
  /** @param on {judge(verdict, geometry, about), painted()} */
  constructor(on) {
    this.on = on; this.whole = false;
    this.what = h('span', { class: 'what' });
    this.extent = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': 'Extent' });
    this.agree = h('button', { type: 'button', 'data-verdict': 'agree', title: 'I agree with the model here (a)', onclick: () => this.judge('agree') }, '✓ Agree');
    this.disagree = h('button', { type: 'button', 'data-verdict': 'disagree', title: 'I disagree with the model here (x)', onclick: () => this.judge('disagree') }, '✗ Disagree');
    this.el = h('div', { class: 'verdict card', role: 'group', 'aria-label': 'Agree with the model?', hidden: true }, this.what, this.extent, h('div', { class: 'segments' }, this.agree, this.disagree));
  }

  /** @param list annotations of the slide, to show what this user said before; what others said stays theirs */
  show({ tile, layers, frame, list, bundle, user }) {
    const layer = OPINION_LAYERS.map(id => layers.find(l => l.id === id && l.state.visible && l.values)).find(Boolean);
    this.el.hidden = !tile || !layer;
    if (this.el.hidden) { this.group = null; return; }
    const same = this.tile?.index === tile.index && this.layer === layer && this.threshold === layer.state.threshold;
    Object.assign(this, { tile, layer, frame, bundle, threshold: layer.state.threshold });
    if (!same) { this.group = groupAround(layer, tile); this.whole = this.whole && this.group.length > 1; }
    const v = tileValue(layer, tile.row, tile.col), share = layer.scale.share(layer.signed ? Math.abs(v) : v) * 100;
    this.what.textContent = `${layer.name} ${value(v, layer.signed)}, ${topShare(share)}`;
    this.what.title = layer.unit;
    const option = (whole, text, title) => h('button', { type: 'button', role: 'radio', title, 'aria-checked': String(this.whole === whole), onclick: () => { this.whole = whole; this.on.painted(); } }, text);
    this.extent.replaceChildren(option(false, 'Tile', 'This tile alone'), ...(this.group.length > 1 ? [option(true, `Group of ${this.group.length}`, 'This tile and its neighbours that the layer highlights too')] : []));
    this.said = list.filter(a => a.verdict && (a.author ?? user) === user && a.about?.layer === layer.name && this.covers(a)).at(-1);
    for (const b of [this.agree, this.disagree]) b.setAttribute('aria-pressed', String(this.said?.verdict === b.dataset.verdict));
  }

  covers(a) {
    const [x, y] = [this.frame.origin[0] + this.frame.left + (this.tile.col + 0.5) * this.frame.tile, this.frame.origin[1] + this.frame.top + (this.tile.row + 0.5) * this.frame.tile];
    return holds(a.geometry, x, y);
  }

  /** Outline of what a verdict would be about, image px; null when it is the tile alone. */
  outline() { return !this.el.hidden && this.whole ? this.geometry() : null; }

  geometry() {
    const { left, top, tile, width, height } = this.frame, tiles = this.whole ? this.group : [this.tile];
    const clip = (v, most) => Math.max(0, Math.min(most, v));
    return { type: 'Polygon', coordinates: outlineOf(tiles).map(ring => ring.map(([c, r]) => [clip(left + c * tile, width), clip(top + r * tile, height)])) };
  }

  judge(verdict) {
    if (this.el.hidden) return;
    const v = tileValue(this.layer, this.tile.row, this.tile.col);
    const about = { layer: this.layer.name, tiles: this.whole ? this.group.length : 1, value: Number(v.toPrecision(6)), unit: this.layer.unit, bundle: this.bundle };
    this.on.judge(verdict, this.geometry(), about, this.said);
  }
}
