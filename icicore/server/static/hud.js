// Read-out strip below the slide: exact values under the cursor.
import { cssColour } from './colormaps.js';
import { h } from './dom.js';
import { count, topShare, value } from './format.js';

const IDLE = 'Point at the tissue to read values. Click a tile to examine it. Press ? for keys.';

export class Hud {
  constructor() {
    this.el = h('div', { class: 'hud' }, IDLE);
  }

  idle(text = IDLE) { this.el.replaceChildren(text); }

  /** @param at {x, y} image px  @param frame SlideFrame  @param layers with values  @param tile {row, col, index} or null */
  show({ at, frame, layers, tile }) {
    const values = layers.map(layer => {
      const v = layer.valueAt(at.x - frame.left, at.y - frame.top), known = Number.isFinite(v);
      if (layer.classes) return h('span', { class: 'reading', 'data-layer': layer.id }, h('i', { class: 'chip', style: `background:${known ? `rgb(${layer.colourOf(v).join(' ')})` : 'transparent'}` }), h('b', {}, known ? layer.classes[v] ?? '–' : '–'));
      const colour = known ? cssColour(layer.state.colormap, layer.scale.norm(v)) : 'transparent';
      const share = known && v !== 0 && layer.id !== 'tissue' ? layer.scale.share(layer.signed ? Math.abs(v) : v) * 100 : NaN;
      return h('span', { class: 'reading', 'data-layer': layer.id }, h('i', { class: 'chip', style: `background:${colour}` }), `${layer.name} `,
        h('b', {}, known ? value(v, layer.signed) : '–'), Number.isFinite(share) ? h('em', { title: layer.signed ? 'by size, in either direction' : 'of all tiles' }, ` ${topShare(share)}`) : null);
    });
    const [x, y] = frame.toL0(at.x, at.y);
    const where = [h('span', { class: 'tile-at' }, tile ? `row ${tile.row}, col ${tile.col}` : 'outside the grid'),
      h('span', {}, `${count(at.x * frame.mpp)}, ${count(at.y * frame.mpp)} µm`), h('span', { class: 'px' }, `${count(x)}, ${count(y)} px`)];
    this.el.replaceChildren(h('div', { class: 'readings' }, values), h('div', { class: 'where' }, where));
  }
}
