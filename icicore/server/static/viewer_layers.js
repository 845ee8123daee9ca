// Part of the viewer: its explanation layers, their legends and what is asked about them.
import { announce } from './bus.js';
import { Layer } from './layers.js';
import { legend } from './legend.js';
import { recallLayer, rememberLayer } from './memory.js';

const LAYER_ORDER = ['attention', 'contribution', 'leave_one_out', 'gradcam', 'gradcam_signed', 'classes', 'tissue'];      // in the panel; painted from last to first

export const LayerStack = Base => class extends Base {
  /** The layers of a slide that was just opened, as this viewer last showed them. */
  stack(slide) {
    const order = meta => (LAYER_ORDER.indexOf(meta.id) + 1) || 99;
    this.layers = [...slide.layers].sort((a, b) => order(a) - order(b)).map(meta => new Layer(meta, slide, recallLayer(this.data.viewer_id, slide.id, meta.id)));
    this.panel.show(this.layers, this.data.faithfulness);
    announce(this, 'layers');
    this.showLayers();
  }

  showLayers() {
    for (const layer of this.layers) {
      if (layer.state.visible && !layer.values) layer.load().then(() => { this.showLegends(); this.ask(); this.draw(); }, error => this.without(layer, error));
    }
    this.showLegends();
  }

  /** A layer whose grid cannot be had is switched off; the slide and the other layers stay. */
  without(layer, error) {
    console.warn(error);
    layer.failed = true; layer.state.visible = false;
    this.panel.render();
  }

  showLegends() {
    this.bars = this.layers.filter(l => l.state.visible && l.values).map(layer => ({ layer, el: legend(layer) }));
    this.legends.replaceChildren(...this.bars.map(b => b.el));
    this.legends.classList.toggle('card', this.bars.length > 0);
  }

  layerChanged(layer, name) {
    this.hiding = null;
    rememberLayer(this.data.viewer_id, this.slide.id, layer);
    if (name === 'visible') this.showLayers(); else if (name !== 'opacity') this.showLegends();
    if (name === 'colormap' || name === 'scale') announce(this, 'layers');
    this.ask();
    this.draw();
    this.report();
  }

  reportLayers() {
    const layers = Object.fromEntries(this.layers.map(l => [l.id, { ...l.state }]));
    this.send('setStateValue', 'layers_state', { slide: this.slide.id, layers });
  }

  hideAll() {
    const shown = this.layers.filter(l => l.state.visible);
    const change = this.hiding ?? shown.map(l => l.id);
    for (const layer of this.layers.filter(l => change.includes(l.id))) layer.set('visible', Boolean(this.hiding));
    this.hiding = this.hiding ? null : change;
    this.panel.render(); this.showLayers(); this.draw();
  }

  /** The bar that asks for an opinion follows the tile, the layers and what was said before. */
  ask() {
    const list = this.annotator.writes ? this.annotator.book.list : null;      // a reader is not asked for an opinion
    this.verdict.show({ tile: list ? this.selected : null, layers: this.layers, frame: this.frameOf, list: list ?? [], bundle: this.data.bundle ?? '', user: this.data.user ?? '' });
  }
};
