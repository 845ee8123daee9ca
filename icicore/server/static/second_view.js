// The same place without layers, beside the view with them. Whichever is moved leads until it rests, the other follows.
import { h } from './dom.js';
import { Overlay } from './overlay.js';
import { createZoomer } from './zoomer.js';

const TOUCHES = ['canvas-press', 'canvas-scroll', 'canvas-double-click'], MOVES = ['viewport-change', 'rotate', 'flip'];

export class SecondView {
  /** @param main the OpenSeadragon viewer that shows the layers  @param draw (overlay) paints what both views share */
  constructor(main, draw, on) {
    Object.assign(this, { main, drawShared: draw, on });
    this.zoom = h('div', { class: 'zoom-beside' });
    this.el = h('div', { class: 'second', hidden: true }, this.zoom, h('span', { class: 'view-name' }, 'Without layers'));
    this.open = false;
  }

  async show(source) {
    this.open = true; this.el.hidden = false;
    if (!this.osd) {
      const { osd, OpenSeadragon } = await createZoomer(this.zoom, { navigator: false });
      if (!this.open) { osd.destroy(); return; }                // closed again meanwhile
      this.osd = osd;
      this.overlay = new Overlay(osd, OpenSeadragon);
      for (const name of ['open', 'update-viewport', 'resize']) osd.addHandler(name, () => this.drawShared(this.overlay));
      for (const name of ['pointerenter', 'pointermove']) osd.canvas.addEventListener(name, event => this.on.move(event, this));
      osd.canvas.addEventListener('pointerleave', () => this.on.leave());
      osd.addHandler('canvas-click', event => this.on.click(event, this));
      this.leader = this.main;
      const lead = () => { this.leader = this.main; };
      for (const name of TOUCHES) { osd.addHandler(name, () => { this.leader = osd; }); this.main.addHandler(name, lead); }
      this.unlink = () => { for (const name of TOUCHES) this.main.removeHandler(name, lead); for (const name of MOVES) this.main.removeHandler(name, this.forward); };
      osd.addHandler('animation-finish', () => { this.leader = this.main; });
      this.link(this.main, osd); this.link(osd, this.main);
    }
    if (this.source !== source) {
      this.source = source;
      await new Promise((done, failed) => { this.osd.addOnceHandler('open', done); this.osd.addOnceHandler('open-failed', e => failed(new Error(e.message))); this.osd.open(source); });
    }
    this.follow(this.main, this.osd);
  }

  /** Taken down, not only hidden: OpenSeadragon loses its place in an element without a size. */
  hide() {
    this.open = false; this.el.hidden = true;
    this.unlink?.();
    this.osd?.destroy();
    this.osd = this.source = null;
    this.zoom.replaceChildren();
  }

  /** Let `to` follow `from`: at once, not with springs of its own, so that both show the same frame. */
  link(from, to) {
    const follow = () => { if (this.leader === from && this.open) this.follow(from, to); };
    for (const name of MOVES) from.addHandler(name, follow);
    if (from === this.main) this.forward = follow;
  }

  follow(from, to) {
    if (!from.isOpen() || !to.isOpen()) return;
    const { viewport: a } = from, { viewport: b } = to;
    if (b.getFlip() !== a.getFlip()) b.setFlip(a.getFlip());
    if (b.getRotation(true) !== a.getRotation(true)) b.setRotation(a.getRotation(true), true);
    b.zoomTo(a.getZoom(true), null, true); b.panTo(a.getCenter(true), true);
    to.forceRedraw();
  }

  destroy() { this.hide(); this.el.remove(); }
}
