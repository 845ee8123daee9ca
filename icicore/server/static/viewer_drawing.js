// Part of the viewer: everything that is painted over the slide, in both views and the navigator.
import { paintGrid } from './paint.js';
import { magnificationOf } from './scalebar.js';
import { pathOf } from './shapes.js';

export const Drawing = Base => class extends Base {
  draw() {
    if (!this.shown || !this.frameOf) return;
    this.drawOn(this.overlay, [...this.layers].reverse());
    if (this.second?.open && this.second.osd?.isOpen()) this.drawOn(this.second.overlay, []);
    this.drawMini();
    const um = this.umPerPx();
    this.scalebar.update(um);
    const { viewport } = this.osd;
    this.toolbar.update(magnificationOf(um), magnificationOf(this.frameOf.mpp), { rotation: viewport.getRotation(), flip: viewport.getFlip() });
    this.readSoon();
  }

  /** One view: the layers asked for, and what all views share. */
  drawOn(overlay, layers) {
    if (!this.frameOf) return;
    overlay.draw({ frame: this.frameOf, layers, hovered: this.hovered, selected: this.selected, paint: brush => {
      if (this.grid) paintGrid(brush, this.frameOf);
      this.annotator.paint(brush);
      const group = this.verdict.outline();
      if (group) brush.outline(pathOf(group), '#35e0ff', 2.5);
      this.measure.paint(brush, this.frameOf);
    } });
  }

  drawMini() {
    if (this.mini.item && this.frameOf) this.mini.draw({ frame: this.frameOf, layers: [...this.layers].reverse(), hovered: null, selected: this.selected, least: 5 });
  }
};
