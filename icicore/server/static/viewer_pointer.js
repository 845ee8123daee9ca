// Part of the viewer: the mouse, and the tile under inspection that the rest of the page is told of.
import { announce } from './bus.js';

export const Pointer = Base => class extends Base {
  locate(event, view = this) {
    const box = view.osd.element.getBoundingClientRect();
    const at = view.overlay.toImage(event.clientX - box.left, event.clientY - box.top);
    const tile = this.frameOf.tileAt(at.x, at.y);
    return { at, tile: tile && { ...tile, slide: this.slide.id, index: this.table.indexAt(tile.row, tile.col) } };
  }

  onMove({ clientX, clientY }, view = this) {
    this.pointer = { clientX, clientY, view };
    this.read();
  }

  /** After a change of view or layers, once per frame: a pointer at rest then lies on another place, or on other values. */
  readSoon() {
    if (this.pointer) this.readAt ??= requestAnimationFrame(() => { this.readAt = null; this.read(); });
  }

  read() {
    if (!this.pointer?.view.osd?.isOpen() || !this.shown || !this.frameOf) return;
    const { at, tile } = this.locate(this.pointer, this.pointer.view), frame = this.frameOf;
    this.measure.move([at.x, at.y]);
    const before = this.hovered;
    this.hovered = tile?.index === undefined ? null : tile;
    if (before?.index !== this.hovered?.index) this.draw();
    this.hud.show({ at, frame, layers: this.layers.filter(l => l.values && (l.state.visible || l.id === 'attention')), tile });
    for (const { layer, el } of this.bars) el.point(layer.valueAt(at.x - frame.left, at.y - frame.top));
  }

  onLeave() {
    this.pointer = this.hovered = null; this.hud.idle();
    for (const { el } of this.bars ?? []) el.point(NaN);
    this.draw();
  }

  onClick(event, view = this) {
    if (!event.quick || !this.shown || this.annotator.drawing) return;
    const { at, tile } = this.locate(event.originalEvent, view), px = 1 / this.item.viewportToImageZoom(this.osd.viewport.getZoom(true));
    if (this.measure.active) { this.measure.click([at.x, at.y], px); return; }
    if (this.annotator.click([at.x, at.y], px)) return;
    if (tile?.index !== undefined) this.choose(tile, { fly: false, tell: true });
  }

  /** Frame a tile; `tell` the other components and Python. A tile of another slide of this viewer opens that slide. */
  choose(tile, { fly, tell }) {
    if (!this.data || !this.slideOf(tile.slide)) return;
    this.enqueue(async () => {
      await this.open(this.slideOf(tile.slide));
      this.frame(this.table.resolve(tile));
      if (fly) this.fly(this.selected);
      if (tell && this.selected) { announce(this, 'choose', this.selected); this.reportTile({ ...this.selected }); }
    });
  }

  /** Next or previous tile by attention. */
  step(by) {
    if (!this.table?.n) return;
    this.ranking ??= this.table.ranked('attention');
    const rank = this.selected ? this.ranking.indexOf(this.selected.index) + by : 0;
    const index = this.ranking[Math.max(0, Math.min(this.table.n - 1, rank))];
    this.choose({ slide: this.slide.id, index }, { fly: true, tell: true });
  }
};
