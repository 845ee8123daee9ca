// Part of the viewer: drawing, measuring, the second view, the screenshot, and verdicts on a tile.
import { picture, save } from './screenshot.js';

export const ToolDesk = Base => class extends Base {
  tool(name) {
    if (!this.shown) return;
    const { annotator, measure } = this;
    if (['polygon', 'rectangle', 'point'].includes(name)) {
      if (!annotator.writes) return;
      measure.toggle(false);
      annotator.setTool(annotator.tool === name ? null : name).catch(error => { console.warn(error); annotator.tool = null; this.markTools(); });
    }
    if (name === 'list' && annotator.book) annotator.listing.toggle();
    if (name === 'measure') { annotator.setTool(null); measure.toggle(); }
    if (name === 'grid') { this.grid = !this.grid; this.draw(); }
    if (name === 'second') this.split(!this.second.open);
    if (name === 'shot') this.shoot();
    this.markTools();
  }

  markTools() {
    const { annotator } = this;
    this.tools.mark([annotator.tool, !annotator.listing.el.hidden && 'list', this.measure.active && 'measure', this.grid && 'grid', this.second.open && 'second'].filter(Boolean));
    const busy = Boolean(annotator.tool || this.measure.active);
    for (const osd of [this.osd, this.second.osd]) if (osd) osd.gestureSettingsMouse.dblClickToZoom = !busy;
    this.el.classList.toggle('drawing', busy);
  }

  split(on) {
    this.stage.classList.toggle('split', on);
    if (!on) { this.second.hide(); return; }
    this.enqueue(() => this.second.show(this.source));
  }

  /** Save the picture as PNG. */
  shoot() {
    const views = this.second.open ? [this.osd, this.second.osd] : [this.osd];
    const shown = this.layers.filter(l => l.state.visible && l.values), um = this.umPerPx();
    this.lastShot = picture({ views, layers: shown, umPerPx: um, magnification: this.scalebar.zoom.textContent, caption: [this.data.caption, `slide ${this.slide.id}`].filter(Boolean).join(' · ') });
    return save(this.lastShot, `slide-${this.slide.id}.png`);
  }

  /** A verdict replaces what the same person's view showed for this tile before; the same again takes it back. */
  judged(verdict, geometry, about, said) {
    if (said) this.annotator.book.remove(said.id);
    if (said?.verdict !== verdict) { const [label, colour] = this.data.verdict_classes[verdict]; this.annotator.add(geometry, { verdict, about, label, colour }); }
    this.ask();
  }

  annotationsChanged(n, status) {
    this.tools.annotations(n, status);
    this.saving.hidden = !status.trouble; this.saving.textContent = status.text;
    if (this.shown) this.ask();
  }
};
