// Part of the viewer: what of the slide is in view, and how it gets there.
import { views } from './memory.js';
import { magnificationOf } from './scalebar.js';
import { bounds } from './shapes.js';
import { MAGNIFICATIONS } from './toolbar.js';

const TILE_ON_ARRIVAL_PX = 170;

export const ViewState = Base => class extends Base {
  get item() { return this.osd.world.getItemAt(0); }

  get shown() { return Boolean(this.osd?.isOpen() && this.item); }

  viewKey() { return `${this.data.viewer_id}|${this.slide?.id}`; }

  rememberView() {
    if (!this.shown || !this.slide) return;
    const { viewport } = this.osd;
    views[this.viewKey()] = { centre: viewport.getCenter(), zoom: viewport.getZoom(), rotation: viewport.getRotation(), flip: viewport.getFlip() };
  }

  recallView() {
    const seen = views[this.viewKey()], { viewport } = this.osd;
    viewport.setRotation(seen?.rotation ?? 0, true); viewport.setFlip(seen?.flip ?? false);
    if (!seen) return;
    viewport.zoomTo(seen.zoom, null, true); viewport.panTo(seen.centre, true);
  }

  /** Micrometres per CSS px now. */
  umPerPx() { return this.frameOf.mpp / this.item.viewportToImageZoom(this.osd.viewport.getZoom(true)); }

  magnify(x) {
    if (this.shown) this.osd.viewport.zoomTo(this.item.imageToViewportZoom(this.frameOf.mpp / (10 / x)));
  }

  /** Next higher or lower magnification of the toolbar. */
  jump(by) {
    const now = magnificationOf(this.umPerPx()), steps = by > 0 ? MAGNIFICATIONS.filter(x => x > now * 1.05) : MAGNIFICATIONS.filter(x => x < now / 1.05).reverse();
    if (steps.length) this.magnify(steps[0]);
  }

  fly(tile) {
    if (!tile || !this.shown) return;
    const { viewport } = this.osd, rect = this.frameOf.tileRect(tile.row, tile.col);
    const px = rect.width * this.item.viewportToImageZoom(viewport.getZoom());
    if (px < 90 || px > 420) viewport.zoomTo(this.item.imageToViewportZoom(TILE_ON_ARRIVAL_PX / rect.width));
    viewport.panTo(this.item.imageToViewportCoordinates(rect.x + rect.width / 2, rect.y + rect.height / 2));
    this.frame(this.table.resolve({ slide: this.slide.id, ...tile }));
  }

  frame(tile) { this.selected = tile ?? null; this.ask(); this.draw(); }

  /** Bring a geometry, image px, into view. */
  flyTo(geometry) {
    if (!this.shown) return;
    const box = bounds(geometry), { viewport } = this.osd, side = Math.max(box.width, box.height, 40 / this.frameOf.mpp);
    const px = side * this.item.viewportToImageZoom(viewport.getZoom()), wanted = 0.4 * this.osd.element.clientHeight;
    if (px > 2 * wanted || px < wanted / 4) viewport.zoomTo(Math.min(this.item.imageToViewportZoom(2), this.item.imageToViewportZoom(wanted / side)));
    viewport.panTo(this.item.imageToViewportCoordinates(box.x + box.width / 2, box.y + box.height / 2));
  }
};
