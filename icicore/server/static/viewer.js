// Slide viewer: deep zoom with explanation layers. `mount` is called by Streamlit after each run whose data changed.
import { Annotator } from './annotator.js';
import { listen, registry } from './bus.js';
import { attachStyles, debounce, h, heightOf } from './dom.js';
import { fetchJson } from './fetching.js';
import { SlideFrame, TileTable } from './geometry.js';
import { Hud } from './hud.js';
import { helpCard } from './keyboard.js';
import { Measure } from './measure.js';
import { flights, shownSlide } from './memory.js';
import { Overlay } from './overlay.js';
import { Panel } from './panel.js';
import { Prefetch } from './prefetch.js';
import { ScaleBar } from './scalebar.js';
import { SecondView } from './second_view.js';
import { Sync } from './sync.js';
import { Toolbar } from './toolbar.js';
import { Tools } from './tools.js';
import { VerdictBar } from './verdict.js';
import { Drawing } from './viewer_drawing.js';
import { Keys } from './viewer_keys.js';
import { LayerStack } from './viewer_layers.js';
import { Pointer } from './viewer_pointer.js';
import { ToolDesk } from './viewer_tools.js';
import { ViewState } from './viewer_view.js';
import { createZoomer, tileSource } from './zoomer.js';

// The parts share the viewer's state; each is a file of its own.
class SlideViewer extends Keys(ToolDesk(Pointer(Drawing(LayerStack(ViewState(class {})))))) {
  constructor(root) {
    super();
    registry.mounts++;
    this.generation = 0; this.layers = []; this.pointer = this.readAt = null; this.hovered = null; this.selected = null; this.hiding = null;
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
    for (const name of ['pointerenter', 'pointermove']) osd.canvas.addEventListener(name, event => this.onMove(event));
    osd.canvas.addEventListener('pointerleave', () => this.onLeave());
  }

  update(data, io) {
    Object.assign(this, { data, io });
    this.el.style.height = heightOf(data);
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

  async open(slide) {
    const before = this.slide;
    if (before && JSON.stringify(before) === JSON.stringify(slide)) return;
    this.rememberView();
    if (!this.shown) this.notify('Loading the slide …');
    const [info, columns] = await Promise.all([fetchJson(slide.urls.info), fetchJson(slide.urls.table)]);
    if (this.dead) return;
    this.slide = slide; shownSlide[this.data.viewer_id] = slide.id; this.picker.value = slide.id;
    this.frameOf = new SlideFrame(slide, info);
    this.table = new TileTable(columns, slide.cols);
    this.ranking = null; this.hovered = null;
    if (this.selected?.slide !== slide.id) this.selected = null;
    this.stack(slide);
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

  notify(text) { this.notice.hidden = !text; this.notice.textContent = text ?? ''; }

  fail(error) {
    console.warn(error);
    this.notify('This slide cannot be shown. Its file may have been moved; open the case again.');
  }

  send(how, name, content) { if (!this.dead) this.io[how](name, content); }

  destroy() {
    if (this.dead) return;
    this.rememberView();
    this.dead = true; this.pointer = null; registry.destroys++;
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
