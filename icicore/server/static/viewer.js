// Slide viewer: deep zoom with explanation layers. `mount` is called by Streamlit after each run whose data changed.
import { Annotator } from './annotator.js';
import { announce, listen, registry } from './bus.js';
import { attachStyles, debounce, h } from './dom.js';
import { fetchJson } from './fetching.js';
import { SlideFrame, TileTable } from './geometry.js';
import { Hud } from './hud.js';
import { helpCard, keyAction } from './keyboard.js';
import { Layer } from './layers.js';
import { legend } from './legend.js';
import { Measure } from './measure.js';
import { flights, recallLayer, rememberLayer, shownSlide, views } from './memory.js';
import { Overlay } from './overlay.js';
import { paintGrid } from './paint.js';
import { Panel } from './panel.js';
import { Prefetch } from './prefetch.js';
import { ScaleBar, magnificationOf } from './scalebar.js';
import { picture, save } from './screenshot.js';
import { SecondView } from './second_view.js';
import { bounds, pathOf } from './shapes.js';
import { Sync } from './sync.js';
import { MAGNIFICATIONS, Toolbar } from './toolbar.js';
import { Tools } from './tools.js';
import { VerdictBar } from './verdict.js';
import { createZoomer, tileSource } from './zoomer.js';

const LAYER_ORDER = ['attention', 'contribution', 'leave_one_out', 'gradcam', 'gradcam_signed', 'classes', 'tissue'];      // in the panel; painted from last to first
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
    this.tools = new Tools(name => this.tool(name));
    this.measure = new Measure(() => this.draw());
    this.annotator = new Annotator(this);
    this.verdict = new VerdictBar({ judge: (...said) => this.judged(...said), painted: () => this.draw() });
    this.saving = h('div', { class: 'saving card', role: 'alert', hidden: true });
    this.notice = h('div', { class: 'notice', role: 'status', hidden: true });
    this.picker = h('select', { class: 'slides card', 'aria-label': 'Slide', hidden: true, onchange: () => { const wanted = this.picker.value; this.enqueue(() => this.open(this.slideOf(wanted))); } });
    this.zoomEl = h('div', { class: 'zoom' });
    this.stage = h('div', { class: 'stage', onpointerdown: () => this.el.focus({ preventScroll: true }) }, this.zoomEl,
      h('div', { class: 'corner' }, this.picker, this.panel.el), this.toolbar.el,
      h('div', { class: 'foot' }, this.legends, this.scalebar.el), this.verdict.el, this.saving,
      h('div', { class: 'side' }, this.annotator.listing.el, this.annotator.card.el), this.tools.el, this.help, this.notice);
    this.el = h('div', { class: 'viewer', tabIndex: 0, role: 'application', 'aria-label': 'Slide viewer; press ? for keys', onkeydown: e => this.onKey(e) }, this.stage, this.hud.el);
    root.appendChild(this.el);
  }

  async start() {
    const { osd, OpenSeadragon } = await createZoomer(this.zoomEl);
    Object.assign(this, { osd, Point: OpenSeadragon.Point });
    this.prefetch = new Prefetch(osd);
    this.overlay = new Overlay(osd, OpenSeadragon);
    this.mini = new Overlay(osd.navigator, OpenSeadragon);
    this.second = new SecondView(osd, overlay => this.drawOn(overlay, []), { move: (e, view) => this.onMove(e, view), leave: () => this.onLeave(), click: (e, view) => this.onClick(e, view) });
    this.zoomEl.after(this.second.el);
    this.sync = new Sync(this);
    osd.addHandler('canvas-double-click', () => this.measure.active && this.measure.end());
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
    this.sync.join(data.sync);
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
    this.panel.show(this.layers, this.data.faithfulness);
    announce(this, 'layers');
    this.showLayers();
    // Before the picture: shapes of one slide are never seen on another, however long it takes to open.
    if (!before || before.urls.annotations !== slide.urls.annotations) { this.annotator.open(slide); this.tools.offer(Boolean(slide.urls.annotations), this.annotator.writes); }
    if (before?.urls.tile !== slide.urls.tile) {
      this.measure.toggle(false); this.source = tileSource(info, slide.urls.tile);
      await this.openImage(this.source);
      if (this.second.open) await this.second.show(this.source);
    }
    this.markTools();
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
      if (layer.state.visible && !layer.values) layer.load().then(() => { this.showLegends(); this.ask(); this.draw(); }, error => this.without(layer, error));
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
    this.ask();
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

  frame(tile) { this.selected = tile ?? null; this.ask(); this.draw(); }

  /** Bring a geometry, image px, into view. */
  flyTo(geometry) {
    if (!this.shown) return;
    const box = bounds(geometry), { viewport } = this.osd, side = Math.max(box.width, box.height, 40 / this.frameOf.mpp);
    const px = side * this.item.viewportToImageZoom(viewport.getZoom()), wanted = 0.4 * this.osd.element.clientHeight;
    if (px > 2 * wanted || px < wanted / 4) viewport.zoomTo(Math.min(this.item.imageToViewportZoom(2), this.item.imageToViewportZoom(wanted / side)));
    viewport.panTo(this.item.imageToViewportCoordinates(box.x + box.width / 2, box.y + box.height / 2));
  }

  draw() {
    if (!this.shown || !this.frameOf) return;
    this.drawOn(this.overlay, [...this.layers].reverse());
    if (this.second?.open && this.second.osd?.isOpen()) this.drawOn(this.second.overlay, []);
    this.drawMini();
    const um = this.umPerPx();
    this.scalebar.update(um);
    const { viewport } = this.osd;
    this.toolbar.update(magnificationOf(um), magnificationOf(this.frameOf.mpp), { rotation: viewport.getRotation(), flip: viewport.getFlip() });
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

  /** The bar that asks for an opinion follows the tile, the layers and what was said before. */
  ask() {
    const list = this.annotator.writes ? this.annotator.book.list : null;      // a reader is not asked for an opinion
    this.verdict.show({ tile: list ? this.selected : null, layers: this.layers, frame: this.frameOf, list: list ?? [], bundle: this.data.bundle ?? '', user: this.data.user ?? '' });
  }

  drawMini() {
    if (this.mini.item && this.frameOf) this.mini.draw({ frame: this.frameOf, layers: [...this.layers].reverse(), hovered: null, selected: this.selected, least: 5 });
  }

  // --- mouse and keys --------------------------------------------------------------------------------------------

  locate(event, view = this) {
    const box = view.osd.element.getBoundingClientRect();
    const at = view.overlay.toImage(event.clientX - box.left, event.clientY - box.top);
    const tile = this.frameOf.tileAt(at.x, at.y);
    return { at, tile: tile && { ...tile, slide: this.slide.id, index: this.table.indexAt(tile.row, tile.col) } };
  }

  onMove(event, view = this) {
    if (!this.shown || !this.frameOf) return;
    const { at, tile } = this.locate(event, view), frame = this.frameOf;
    this.measure.move([at.x, at.y]);
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

  // --- tools -----------------------------------------------------------------------------------------------------

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

  /** Next higher or lower magnification of the toolbar. */
  jump(by) {
    const now = magnificationOf(this.umPerPx()), steps = by > 0 ? MAGNIFICATIONS.filter(x => x > now * 1.05) : MAGNIFICATIONS.filter(x => x < now / 1.05).reverse();
    if (steps.length) this.magnify(steps[0]);
  }

  escape() {
    const { annotator } = this;
    if (!this.help.hidden) { this.toggleHelp(false); return; }
    if (annotator.escape()) return;
    if (annotator.tool) annotator.setTool(null); else if (this.measure.active) this.measure.toggle(false); else if (annotator.selected) annotator.select(null);
    this.markTools();
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
    this.annotator.destroy(); this.second?.destroy(); this.sync?.leave();
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
