// One explanation layer: a small grid of floats, coloured here; the map is stretched over the slide by the overlay.
import { CATEGORIES, packed } from './colormaps.js';
import { fetchGrid, fill } from './fetching.js';
import { Scale } from './scales.js';

export const NAMES = { attention: 'Attention', contribution: 'Contribution', gradcam: 'Grad-CAM', gradcam_signed: 'Grad-CAM ±', leave_one_out: 'Leave one out', tissue: 'Tissue', classes: 'Tissue class' };
const UNITS = { attention: 'weight per tile', contribution: 'logit per tile', gradcam: 'activation', gradcam_signed: 'logit', leave_one_out: 'logit per tile', tissue: 'share of tile' };
const DEFAULTS = {
  attention: { visible: true, opacity: 0.6, colormap: 'inferno', fade: true },
  contribution: { visible: false, opacity: 0.7, fade: true },
  leave_one_out: { visible: false, opacity: 0.7, fade: true },
  classes: { visible: false, opacity: 0.55 },
  gradcam: { visible: false, opacity: 0.55, colormap: 'turbo', fade: true },
  tissue: { visible: false, opacity: 0.4, colormap: 'teal' },
};

export class Layer {
  /** @param meta entry of layers.json  @param slide the whole of it  @param state remembered settings */
  constructor(meta, slide, state) {
    this.meta = meta; this.id = meta.id; this.signed = Boolean(meta.signed);
    this.name = NAMES[meta.id] ?? meta.id;
    this.unit = meta.unit ? `${meta.unit} per tile` : UNITS[meta.id] ?? '';
    this.classes = meta.classes ?? null;                        // names, where the values are positions in a list
    this.gridRows = slide.rows; this.gridCols = slide.cols;
    const cells = meta.cells_per_tile ?? 1;
    this.rows = slide.rows * cells; this.cols = slide.cols * cells;
    this.cell = slide.tile_l0 / cells;
    this.url = fill(slide.urls.grid, { layer: meta.id });
    this.state = { opacity: 0.5, colormap: this.signed ? slide.signed_colormap : 'viridis', visible: false, fade: false, ...DEFAULTS[meta.id], threshold: null, ceiling: null, scale: 'raw', ...state };
    if (this.classes) this.unit = 'class of each tile';
    this.values = null; this.dirty = true; this.scales = new Map();
  }

  /** Fetch the grid, once. */
  load() {
    this.loading ??= fetchGrid(this.url).then(values => {
      if (values.length !== this.rows * this.cols) throw new Error(`layer ${this.id}: ${values.length} values, expected ${this.rows} × ${this.cols}`);
      this.values = values; this.dirty = true;
      return this;
    });
    return this.loading;
  }

  get scale() {
    const kind = this.state.scale;
    if (!this.scales.has(kind)) this.scales.set(kind, new Scale(kind, { signed: this.signed, range: this.meta.range, values: this.values }));
    return this.scales.get(kind);
  }

  set(name, value) {
    this.state[name] = value;
    if (name !== 'opacity' && name !== 'visible') this.dirty = true;
  }

  /** Whether a value lies in the window (its magnitude, for a signed layer). */
  passes(v) {
    const { threshold, ceiling } = this.state, size = this.signed ? Math.abs(v) : v;
    return v === v && (threshold === null || size >= threshold) && (ceiling === null || size <= ceiling);
  }

  /** Place of a value on the colour bar, or the colour itself where values are classes. */
  colourOf(v) { return this.classes ? CATEGORIES[Math.round(v) % CATEGORIES.length] : null; }

  /** The coloured grid as a canvas of one pixel per cell. */
  image() {
    if (!this.dirty && this.canvas) return this.canvas;
    this.canvas ??= document.createElement('canvas');
    if (this.canvas.width !== this.cols || this.canvas.height !== this.rows) Object.assign(this.canvas, { width: this.cols, height: this.rows });
    const context = this.canvas.getContext('2d'), image = context.createImageData(this.cols, this.rows);
    if (this.classes) { this.paintClasses(context, image); return this.canvas; }
    const pixels = new Uint32Array(image.data.buffer), table = packed(this.state.colormap), scale = this.scale, values = this.values;
    for (let i = 0; i < values.length; i++) {
      const v = values[i];
      if (v !== v || !this.passes(v)) continue;
      const t = scale.norm(v), colour = table[Math.round(t * 255)];
      pixels[i] = this.state.fade ? faded(colour, this.signed ? Math.abs(2 * t - 1) : t) : colour;
    }
    context.putImageData(image, 0, 0);
    this.dirty = false;
    return this.canvas;
  }

  paintClasses(context, image) {
    this.values.forEach((v, i) => {
      if (v === v) image.data.set([...CATEGORIES[Math.round(v) % CATEGORIES.length], 255], 4 * i);
    });
    context.putImageData(image, 0, 0);
    this.dirty = false;
  }

  /** Value at a point given from the grid's top left corner, in level-0 px; NaN outside tissue. */
  valueAt(x, y) {
    const col = Math.floor(x / this.cell), row = Math.floor(y / this.cell);
    return this.values && col >= 0 && row >= 0 && col < this.cols && row < this.rows ? this.values[row * this.cols + col] : NaN;
  }
}

/** Let weak values through to the tissue: opacity grows with strength, from a twentieth. */
function faded(colour, strength) {
  return ((colour & 0xffffff) | (Math.round(255 * Math.min(1, 0.05 + 0.95 * Math.sqrt(strength))) << 24)) >>> 0;
}
