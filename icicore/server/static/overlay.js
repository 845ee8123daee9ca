// Draws the layers and the tile frames over the slide: one canvas, one affine transform, one drawImage per layer.
import { Brush } from './paint.js';

export class Overlay {
  constructor(osd, OpenSeadragon) {
    this.osd = osd; this.Point = OpenSeadragon.Point;
    this.canvas = document.createElement('canvas');
    this.canvas.className = 'overlay';
    osd.canvas.appendChild(this.canvas);                        // above the slide, below the minimap
  }

  get item() { return this.osd.world.getItemAt(0); }

  /** Image px to CSS px of the viewer, as [a, b, c, d, e, f]. OpenSeadragon's conversions ignore a mirrored view. */
  transform(frame) {
    const at = (x, y) => this.item.imageToViewerElementCoordinates(new this.Point(x, y));
    const origin = at(0, 0), right = at(frame.width, 0), down = at(0, frame.height);
    const m = [(right.x - origin.x) / frame.width, (right.y - origin.y) / frame.width,
      (down.x - origin.x) / frame.height, (down.y - origin.y) / frame.height, origin.x, origin.y];
    if (!this.osd.viewport.getFlip()) return m;
    return [-m[0], m[1], -m[2], m[3], this.osd.element.clientWidth - m[4], m[5]];
  }

  /** CSS px of the viewer to image px. */
  toImage(x, y) {
    const seen = this.osd.viewport.getFlip() ? this.osd.element.clientWidth - x : x;
    return this.item.viewerElementToImageCoordinates(new this.Point(seen, y));
  }

  /** @param scene {frame, layers (bottom first), hovered, selected}: tiles as {row, col} or null; least: smallest frame, CSS px; paint(brush): what else lies over the slide */
  draw({ frame, layers, hovered, selected, least = 14, paint }) {
    const drawer = this.osd.drawer.canvas;                      // a drawer that was changed later lies on top: put it back
    if (drawer?.parentNode === this.osd.canvas && this.osd.canvas.firstElementChild !== drawer) this.osd.canvas.prepend(drawer);
    const ratio = window.devicePixelRatio || 1, { clientWidth, clientHeight } = this.osd.element;
    const width = Math.round(clientWidth * ratio), height = Math.round(clientHeight * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext('2d');
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, width, height);
    if (!frame || !this.item) return;
    const m = this.transform(frame);
    context.setTransform(...m.map(v => v * ratio));
    context.imageSmoothingEnabled = false;                      // a tile has one value: no blur
    for (const layer of layers) {
      if (!layer.state.visible || !layer.values) continue;
      context.globalAlpha = layer.state.opacity;
      context.drawImage(layer.image(), frame.left, frame.top, layer.cols * layer.cell, layer.rows * layer.cell);
    }
    context.globalAlpha = 1;
    paint?.(new Brush(context, m, ratio));
    context.setTransform(...m.map(v => v * ratio));
    const px = 1 / Math.hypot(m[0], m[1]);                      // one CSS px in image px
    if (hovered) outline(context, frame.tileRect(hovered.row, hovered.col), px, ['rgba(10,25,40,.55)', 2.5], ['rgba(255,255,255,.95)', 1]);
    if (selected) outline(context, grown(frame.tileRect(selected.row, selected.col), px * least), px, ['rgba(10,25,40,.9)', 5], ['#35e0ff', 2.5]);
  }

  destroy() { this.canvas.remove(); }
}

function outline(context, rect, px, ...strokes) {
  for (const [colour, width] of strokes) {
    context.strokeStyle = colour; context.lineWidth = width * px;
    context.strokeRect(rect.x, rect.y, rect.width, rect.height);
  }
}

/** A frame never shrinks below `least` image px, so that a selected tile is found at any zoom. */
function grown(rect, least) {
  const extra = Math.max(0, least - rect.width) / 2;
  return { x: rect.x - extra, y: rect.y - extra, width: rect.width + 2 * extra, height: rect.height + 2 * extra };
}
