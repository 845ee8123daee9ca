// Frame colours of tiles: the attention layer's own colours, as the viewer on the page shows them.
import { registry } from './bus.js';
import { cssColour, cssGradient } from './colormaps.js';
import { Scale } from './scales.js';

export class Tints {
  constructor(slide, columns, id = 'attention') {
    this.meta = slide.layers.find(l => l.id === id) ?? { id };
    this.slide = slide; this.id = id;
    this.values = Float32Array.from(columns[id]);
    this.refresh();
  }

  /** Take over colour map and scale from a viewer that shows the slide. */
  refresh() {
    const viewer = Object.values(registry.viewers).find(v => v.slide?.id === this.slide.id);
    const state = viewer?.layers.find(l => l.id === this.id)?.state ?? {};
    this.map = state.colormap ?? (this.meta.signed ? this.slide.signed_colormap : 'inferno');
    this.scale = new Scale(state.scale ?? 'raw', { signed: Boolean(this.meta.signed), range: this.meta.range, values: this.values });
    this.colours = null;
  }

  of(i) {
    this.colours ??= Array.from(this.values, v => cssColour(this.map, this.scale.norm(v)));
    return this.colours[i];
  }

  get gradient() { return cssGradient(this.map); }
}
