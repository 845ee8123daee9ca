// The same place without layers, beside the view with them. Whichever is moved leads, the other follows.
import { h } from './dom.js';
import { Overlay } from './overlay.js';
import { createZoomer } from './zoomer.js';

export class SecondView {
  /** @param main the OpenSeadragon viewer that shows the layers  @param draw (overlay) paints what both views share */
  constructor(main, draw, on) {
    Object.assign(this, { main, drawShared: draw, on });
    this.zoom = h('div', { class: 'zoom' });
    this.el = h('div', { class: 'second', hidden: true }, this.zoom, h('span', { class: 'view-name' }, 'Without layers'));
    this.open = false;
  }

  async show(source) {
    this.open = true; this.el.hidden = false;
    if (!this.osd) {
      const { osd, OpenSeadragon } = await createZoomer(this.zoom, { navigator: false });
      this.osd = osd;
      this.overlay = new Overlay(osd, OpenSeadragon);
      for (const name of ['open', 'update-viewport', 'resize']) osd.addHandler(name, () => this.drawShared(this.overlay));
      osd.canvas.addEventListener('pointermove', event => this.on.move(event, this));
      osd.canvas.addEventListener('pointerleave', () => this.on.leave());
      osd.addHandler('canvas-click', event => this.on.click(event, this));
      this.link(this.main, osd); this.link(osd, this.main);
    }
    if (this.source !== source) {
      this.source = source;
      await new Promise((done, failed) => { this.osd.addOnceHandler('open', done); this.osd.addOnceHandler('open-failed', e => failed(new Error(e.message))); this.osd.open(source); });
    }
    this.follow(this.main, this.osd);
  }

  hide() { this.open = false; this.el.hidden = true; }

  /** Let `to` follow `from`: at once, not with springs of its own, so that both show the same frame. */
  link(from, to) {
    const follow = () => { if (!this.following && this.open) this.follow(from, to); };
    from.addHandler('viewport-change', follow); from.addHandler('rotate', follow); from.addHandler('flip', follow);
  }

  follow(from, to) {
    if (!from.isOpen() || !to.isOpen()) return;
    this.following = true;
    const { viewport: a } = from, { viewport: b } = to;
    if (b.getFlip() !== a.getFlip()) b.setFlip(a.getFlip());
    if (b.getRotation(true) !== a.getRotation(true)) b.setRotation(a.getRotation(true), true);
    b.zoomTo(a.getZoom(true), null, true); b.panTo(a.getCenter(true), true);
    this.following = false;
    to.forceRedraw();
  }

  destroy() { this.osd?.destroy(); this.el.remove(); }
}
