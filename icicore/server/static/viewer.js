// Slide viewer: deep zoom with explanation layers. `mount` is called by Streamlit after each run whose data changed.
import { announce, listen, registry } from './bus.js';
import { attachStyles, debounce, h } from './dom.js';
import { fetchJson } from './fetching.js';
import { SlideFrame, TileTable } from './geometry.js';
import { Hud } from './hud.js';
import { helpCard, keyAction } from './keyboard.js';
import { Layer } from './layers.js';
import { legend } from './legend.js';
import { flights, recallLayer, rememberLayer, shownSlide, views } from './memory.js';
import { Overlay } from './overlay.js';
import { Panel } from './panel.js';
import { ScaleBar, magnificationOf } from './scalebar.js';
import { Toolbar } from './toolbar.js';
import { createZoomer, tileSource } from './zoomer.js';

const LAYER_ORDER = ['attention', 'contribution', 'gradcam', 'gradcam_signed', 'tissue'];      // in the panel; painted from last to first
const TILE_ON_ARRIVAL_PX = 170;

class SlideViewer {
  constructor(root) {
    registry.mounts++;
    this.generation = 0; this.layers = []; this.hovered = null; this.selected = null; this.hiding = null;
    this.queue = Promise.resolve();
    this.build(root);
    this.ready = Promise.all([attachStyles(root, ['base.css', 'viewer.css']), this.start()]);
    this.report = debounce(() => this.reportLayers(), 400);
    this.reportTile = debounce(tile => this.send('setTriggerValue', 'tile', tile), 60);
    this.unlisten = listen(this, { choose: tile => this.choose(tile, { fly: true, tell: false }) });
  }

  build(root) {
    this.panel = new Panel((layer, name) => this.layerChanged(layer, name));
    this.toolbar = new Toolbar(this.actions());
    this.scalebar = new ScaleBar();
    this.hud = new Hud();
    this.help = helpCard(() => this.toggleHelp(false));
    this.legends = h('div', { class: 'legends' });
    this.notice = h('div', { class: 'notice', role: 'status', hidden: true });
    this.picker = h('select', { class: 'slides card', 'aria-label': 'Slide', hidden: true, onchange: () => { const wanted = this.picker.value; this.enqueue(() => this.open(this.slideOf(wanted))); } });
    this.zoomEl = h('div', { class: 'zoom' });
    this.stage = h('div', { class: 'stage', onpointerdown: () => this.el.focus({ preventScroll: true }) }, this.zoomEl,
      h('div', { class: 'corner' }, this.picker, this.panel.el), this.toolbar.el,
      h('div', { class: 'foot' }, this.legends, this.scalebar.el), this.help, this.notice);
    this.el = h('div', { class: 'viewer', tabIndex: 0, role: 'application', 'aria-label': 'Slide viewer; press ? for keys', onkeydown: e => this.onKey(e) }, this.stage, this.hud.el);
    root.appendChild(this.el);
  }

  async start() {
    const { osd, OpenSeadragon } = await createZoomer(this.zoomEl);
    Object.assign(this, { osd, Point: OpenSeadragon.Point });
    this.overlay = new Overlay(osd, OpenSeadragon);
    this.mini = new Overlay(osd.navigator, OpenSeadragon);
    for (const name of ['open', 'update-viewport', 'resize']) osd.addHandler(name, () => this.draw());
    osd.navigator.addHandler('update-viewport', () => this.drawMini());
    osd.addHandler('animation-finish', () => this.rememberView());
    osd.addHandler('canvas-click', event => this.onClick(event));
    osd.canvas.addEventListener('pointermove', event => this.onMove(event));
    osd.canvas.addEventListener('pointerleave', () => this.onLeave());
  }

  // --- what Python says ------------------------------------------------------------------------------------------

  update(data, io) {
    Object.assign(this, { data, io });
    this.el.style.height = `${data.height}px`;
    registry.viewers[data.viewer_id] = this;
    return this.enqueue(() => this.apply(data));
  }

  /** One change after the other: opening a slide takes time. */
  enqueue(work) {
    this.queue = this.queue.then(() => this.dead ? undefined : work()).catch(error => this.fail(error));
    return this.queue;
  }

  async apply(data) {
    await this.ready;
    if (this.dead) return;
    const flight = JSON.stringify(data.goto), chosen = JSON.stringify(data.selected);
    const fly = data.goto && flights[data.viewer_id] !== flight, choose = data.selected && this.chosen !== chosen;
    flights[data.viewer_id] = flight; this.chosen = chosen;
    const wanted = (fly && data.goto.slide) || (choose && data.selected.slide) || this.slide?.id || shownSlide[data.viewer_id];
    const slide = this.slideOf(wanted) ?? data.slides[0];
    this.showPicker(data.slides, slide);
    if (slide) await this.open(slide);
    if (choose) this.frame(this.table?.resolve(data.selected));
    if (fly) this.fly(this.table?.resolve(data.goto) ?? data.goto);
  }

  slideOf(id) { return this.data.slides.find(s => s.id === id); }

  showPicker(slides, current) {
    this.picker.hidden = slides.length < 2;
    this.picker.replaceChildren(...slides.map((s, i) => h('option', { value: s.id, selected: s.id === current?.id }, `Slide ${i + 1} of ${slides.length}: ${s.path_name ?? s.id}`)));
  }

  // --- slides and layers -----------------------------------------------------------------------------------------

  async open(slide) {
    const before = this.slide;
    if (before && JSON.stringify(before) === JSON.stringify(slide)) return;
    this.rememberView();
    const [info, columns] = await Promise.all([fetchJson(slide.urls.info), fetchJson(slide.urls.table)]);
    if (this.dead) return;
    this.slide = slide; shownSlide[this.data.viewer_id] = slide.id; this.picker.value = slide.id;
    this.frameOf = new SlideFrame(slide, info);
    this.table = new TileTable(columns, slide.cols);
    this.ranking = null; this.hovered = null;
    if (this.selected?.slide !== slide.id) this.selected = null;
    const order = meta => (LAYER_ORDER.indexOf(meta.id) + 1) || 99;
    this.layers = [...slide.layers].sort((a, b) => order(a) - order(b)).map(meta => new Layer(meta, slide, recallLayer(this.data.viewer_id, slide.id, meta.id)));
    this.panel.show(this.layers);
    announce(this, 'layers');
    this.showLayers();
    if (before?.urls.tile !== slide.urls.tile) await this.openImage(tileSource(info, slide.urls.tile));
    this.draw();
  }

  openImage(source) {
    this.notify(null);
    return new Promise((done, failed) => {
      this.osd.addOnceHandler('open', () => { this.recallView(); done(); });
      this.osd.addOnceHandler('open-failed', event => failed(new Error(event.message)));
      this.osd.open(source);
    });
  }

  showLayers() {
    for (const layer of this.layers) {
      if (layer.state.visible && !layer.values) layer.load().then(() => { this.showLegends(); this.draw(); }, error => this.without(layer, error));
    }
    this.showLegends();
  }

  /** A layer whose grid cannot be had is switched off; the slide and the other layers stay. */
  without(layer, error) {
    console.warn(error);
    layer.failed = true; layer.state.visible = false;
    this.panel.render();
  }

  showLegends() {
    this.bars = this.layers.filter(l => l.state.visible && l.values).map(layer => ({ layer, el: legend(layer) }));
    this.legends.replaceChildren(...this.bars.map(b => b.el));
    this.legends.classList.toggle('card', this.bars.length > 0);
  }

  layerChanged(layer, name) {
    this.hiding = null;
    rememberLayer(this.data.viewer_id, this.slide.id, layer);
    if (name === 'visible') this.showLayers(); else if (name !== 'opacity') this.showLegends();
    if (name === 'colormap' || name === 'scale') announce(this, 'layers');
    this.draw();
    this.report();
  }

  reportLayers() {
    const layers = Object.fromEntries(this.layers.map(l => [l.id, { ...l.state }]));
    this.send('setStateValue', 'layers_state', { slide: this.slide.id, layers });
  }

  // --- view ------------------------------------------------------------------------------------------------------

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

  fly(tile) {
    if (!tile || !this.shown) return;
    const { viewport } = this.osd, rect = this.frameOf.tileRect(tile.row, tile.col);
    const px = rect.width * this.item.viewportToImageZoom(viewport.getZoom());
    if (px < 90 || px > 420) viewport.zoomTo(this.item.imageToViewportZoom(TILE_ON_ARRIVAL_PX / rect.width));
    viewport.panTo(this.item.imageToViewportCoordinates(rect.x + rect.width / 2, rect.y + rect.height / 2));
    this.frame(this.table.resolve({ slide: this.slide.id, ...tile }));
  }

  frame(tile) { this.selected = tile ?? null; this.draw(); }

  draw() {
    if (!this.shown || !this.frameOf) return;
    this.overlay.draw({ frame: this.frameOf, layers: [...this.layers].reverse(), hovered: this.hovered, selected: this.selected });
    this.drawMini();
    const um = this.umPerPx();
    this.scalebar.update(um);
    this.toolbar.update(magnificationOf(um), magnificationOf(this.frameOf.mpp));
  }

  drawMini() {
    if (this.mini.item && this.frameOf) this.mini.draw({ frame: this.frameOf, layers: [...this.layers].reverse(), hovered: null, selected: this.selected, least: 5 });
  }

  // --- mouse and keys --------------------------------------------------------------------------------------------

  locate(event) {
    const box = this.osd.element.getBoundingClientRect();
    const at = this.overlay.toImage(event.clientX - box.left, event.clientY - box.top);
    const tile = this.frameOf.tileAt(at.x, at.y);
    return { at, tile: tile && { ...tile, slide: this.slide.id, index: this.table.indexAt(tile.row, tile.col) } };
  }

  onMove(event) {
    if (!this.shown || !this.frameOf) return;
    const { at, tile } = this.locate(event), frame = this.frameOf;
    const before = this.hovered;
    this.hovered = tile?.index === undefined ? null : tile;
    if (before?.index !== this.hovered?.index) this.draw();
    this.hud.show({ at, frame, layers: this.layers.filter(l => l.values && (l.state.visible || l.id === 'attention')), tile });
    for (const { layer, el } of this.bars) el.point(layer.valueAt(at.x - frame.left, at.y - frame.top));
  }

  onLeave() {
    this.hovered = null; this.hud.idle();
    for (const { el } of this.bars ?? []) el.point(NaN);
    this.draw();
  }

  onClick(event) {
    if (!event.quick || !this.shown) return;
    const { tile } = this.locate(event.originalEvent);
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

  hideAll() {
    const shown = this.layers.filter(l => l.state.visible);
    const change = this.hiding ?? shown.map(l => l.id);
    for (const layer of this.layers.filter(l => change.includes(l.id))) layer.set('visible', Boolean(this.hiding));
    this.hiding = this.hiding ? null : change;
    this.panel.render(); this.showLayers(); this.draw();
  }

  actions() {
    const view = act => () => { if (this.shown) act(this.osd.viewport); };
    const turn = by => view(v => v.setRotation(v.getRotation() + by))();
    return {
      fit: view(v => v.goHome()), zoomIn: view(v => v.zoomBy(1.5)), zoomOut: view(v => v.zoomBy(1 / 1.5)), magnify: x => this.magnify(x),
      rotate: by => turn(typeof by === 'number' ? by : 90), mirror: view(v => { v.toggleFlip(); this.draw(); }),
      pan: (x, y) => view(v => v.panBy(v.deltaPointsFromPixels(new this.Point(v.getFlip() ? -x : x, y))))(),
      fullScreen: () => document.fullscreenElement ? document.exitFullscreen() : this.el.requestFullscreen?.(),
      help: () => this.toggleHelp(this.help.hidden), escape: () => this.toggleHelp(false), hide: () => this.hideAll(), step: by => this.step(by),
      layer: i => { const layer = this.layers[i]; if (layer) { this.panel.change(layer, 'visible', !layer.state.visible); this.panel.render(); } },
    };
  }

  onKey(event) {
    if (event.target.matches?.('input, select')) return;
    const act = keyAction(event, this.actions());
    if (act) { act(); event.preventDefault(); event.stopPropagation(); }
  }

  toggleHelp(show) { this.help.hidden = !show; }

  // --- the rest --------------------------------------------------------------------------------------------------

  notify(text) { this.notice.hidden = !text; this.notice.textContent = text ?? ''; }

  fail(error) {
    console.warn(error);
    this.notify('This slide cannot be shown. Its file may have been moved; open the case again.');
  }

  send(how, name, content) { if (!this.dead) this.io[how](name, content); }

  destroy() {
    if (this.dead) return;
    this.rememberView();
    this.dead = true; registry.destroys++;
    this.report.cancel(); this.reportTile.cancel(); this.unlisten();
    if (registry.viewers[this.data?.viewer_id] === this) delete registry.viewers[this.data.viewer_id];
    this.osd?.destroy();
    this.el.remove();
  }
}

const mounted = new WeakMap();

export function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  let viewer = mounted.get(parentElement);
  if (!viewer || viewer.dead) mounted.set(parentElement, viewer = new SlideViewer(parentElement));
  const generation = ++viewer.generation;
  viewer.update(data, { setStateValue, setTriggerValue });
  // Streamlit also runs this when a newer call overtook this one, so it ends the viewer only when it has left the page.
  return () => setTimeout(() => {
    const host = parentElement.host ?? parentElement;
    if (viewer.generation === generation && !host.isConnected) { viewer.destroy(); mounted.delete(parentElement); }
  }, 0);
}
