// Part of the viewer: what the toolbar and the keyboard do.
import { keyAction } from './keyboard.js';

export const Keys = Base => class extends Base {
  actions() {
    const view = act => () => { if (this.shown) act(this.osd.viewport); };
    const turn = by => view(v => v.setRotation(Math.round((v.getRotation() + by) / 90) * 90))();
    return {
      fit: view(v => v.goHome()), zoomIn: view(v => v.zoomBy(1.5)), zoomOut: view(v => v.zoomBy(1 / 1.5)), magnify: x => this.magnify(x),
      rotate: turn, mirror: view(v => { v.toggleFlip(); this.draw(); }),
      pan: (x, y) => view(v => v.panBy(v.deltaPointsFromPixels(new this.Point(v.getFlip() ? -x : x, y))))(),
      upright: view(v => v.setRotation(0)), jump: by => this.shown && this.jump(by), tool: name => this.tool(name), note: by => this.annotator.step(by), judge: verdict => this.verdict.judge(verdict),
      erase: () => this.annotator.remove(), enter: () => this.measure.active && this.measure.end(),
      fullScreen: () => document.fullscreenElement ? document.exitFullscreen() : this.el.requestFullscreen?.(),
      help: () => this.toggleHelp(this.help.hidden), escape: () => this.escape(), hide: () => this.hideAll(), step: by => this.step(by),
      layer: i => { const layer = this.layers[i]; if (layer) { this.panel.change(layer, 'visible', !layer.state.visible); this.panel.render(); } },
    };
  }

  onKey(event) {
    if (event.target.matches?.('input:not([type=range]), select, textarea')) { if (event.key === 'Escape') this.el.focus({ preventScroll: true }); return; }
    if (event.target.matches?.('input')) return;
    const act = keyAction(event, this.actions());
    if (act) { act(); event.preventDefault(); event.stopPropagation(); }
  }

  escape() {
    const { annotator } = this;
    if (!this.help.hidden) { this.toggleHelp(false); return; }
    if (annotator.escape()) return;
    if (annotator.tool) annotator.setTool(null); else if (this.measure.active) this.measure.toggle(false); else if (annotator.selected) annotator.select(null);
    this.markTools();
  }

  toggleHelp(show) { this.help.hidden = !show; }
};
