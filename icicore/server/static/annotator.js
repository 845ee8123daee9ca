// Annotations on the slide: painted here with the same transform as the layers; drawn and reshaped with Annotorious.
import { AnnotationBook, newId } from './annotation_book.js';
import { AnnotationCard } from './annotation_card.js';
import { AnnotationList } from './annotation_list.js';
import { attachStyles } from './dom.js';
import { loadScript } from './fetching.js';
import { pathOf, points, polygons, toImagePx, toStored, touches } from './shapes.js';

const VENDOR = './vendor/annotorious-3.8.10/annotorious-openseadragon';
const REACH_PX = 8;
const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

export class Annotator {
  /** @param viewer {osd, frameOf, data, el, draw(), flyTo(rect)} */
  constructor(viewer) {
    this.viewer = viewer;
    this.tool = null; this.selected = null; this.visible = true; this.label = null; this.removed = null; this.editing = null;
    this.card = new AnnotationCard({ change: (id, change) => this.change(id, change), remove: id => this.remove(id), reshape: id => this.reshape(id), close: () => this.select(null) });
    this.listing = new AnnotationList({ choose: id => this.show(id), visible: on => this.setVisible(on), restore: () => this.restore(), load: (file, origin) => this.load(file, origin), label: name => { this.label = name; } });
    this.shapes = new Map();
  }

  /** Turn to a slide; what could not be sent for it before is sent first. */
  open(slide) {
    this.close();
    if (!slide.urls.annotations) return;
    this.book = new AnnotationBook(slide, this.viewer.data.user ?? '', () => this.refresh());
    this.listing.open(slide, this.viewer.frameOf, this.classes, this.writes);
    this.refresh();
  }

  /** Whether this person may change annotations; a reader only sees them. */
  get writes() { return Boolean(this.book?.urls.annotation); }

  get classes() { return this.viewer.data.annotation_classes ?? {}; }

  get current() { this.label ??= Object.keys(this.classes)[0] ?? 'Other'; return this.label; }

  colourOf(label) {
    const known = this.classes[label] ?? this.book?.list.find(a => a.label === label && !a.verdict)?.colour;
    return known ?? [86, 180, 233];
  }

  /** Bring painting, card and list in line with the book. */
  refresh() {
    if (!this.book) return;
    const list = this.book.list, ids = new Set(list.map(a => a.id));
    for (const id of [...this.shapes.keys()]) if (!ids.has(id)) this.shapes.delete(id);
    for (const a of list) if (this.shapes.get(a.id)?.of !== a.geometry) this.shapes.set(a.id, this.prepared(a));
    if (this.selected && !ids.has(this.selected)) this.selected = null;
    this.card.show(this.selected ? this.book.get(this.selected) : null, this.viewer.frameOf, this.classes, this.writes);
    this.listing.show(list, { selected: this.selected, status: this.book.status, removed: this.removed, visible: this.visible });
    this.viewer.annotationsChanged?.(list.length, this.book.status);
    this.viewer.draw();
  }

  prepared({ geometry }) {
    const image = toImagePx(geometry, this.viewer.frameOf);
    return { of: geometry, image, path: polygons(image).length ? pathOf(image) : null, points: points(image) };
  }

  // --- painting --------------------------------------------------------------------------------------------------

  paint(brush) {
    if (!this.book || !this.visible) return;
    for (const a of this.book.list) {
      if (a.id === this.editing) continue;
      const shape = this.shapes.get(a.id), on = a.id === this.selected;
      if (!shape) continue;
      if (shape.path) {
        if (on) { brush.inImage(); brush.context.fillStyle = `rgb(${a.colour.join(' ')} / .16)`; brush.context.fill(shape.path, 'evenodd'); }
        brush.outline(shape.path, css(a.colour), on ? 3 : 2, a.verdict === 'disagree' ? [7, 5] : []);
        if (a.verdict) brush.label(a.verdict === 'agree' ? '✓' : '✗', shape.image.coordinates.flat(Infinity).slice(0, 2), { dx: 3, dy: 11 });
      }
      for (const p of shape.points) brush.dot(p, css(a.colour), on ? 6.5 : 5);
    }
  }

  // --- choosing --------------------------------------------------------------------------------------------------

  /** Answer to a click at an image point; true when it was meant for an annotation. */
  click(at, px) {
    if (!this.book) return false;
    if (this.tool === 'point') { this.add({ type: 'Point', coordinates: at }); return true; }
    if (this.tool || !this.visible) return false;
    const found = [...this.book.list].reverse().find(a => a.id !== this.editing && touches(this.shapes.get(a.id).image, ...at, REACH_PX * px));
    if (!found && !this.selected) return false;
    this.select(found?.id ?? null);
    return Boolean(found);
  }

  select(id) { if (this.editing && id !== this.editing) this.endReshape(); this.selected = id; this.refresh(); }

  /** Select one from the list and bring it into view. */
  show(id) {
    this.setVisible(true); this.select(id);
    if (this.shapes.get(id)) this.viewer.flyTo(this.shapes.get(id).image);
  }

  /** Next or previous annotation. */
  step(by) {
    const list = this.book?.list ?? [];
    if (!list.length) return;
    const at = list.findIndex(a => a.id === this.selected);
    this.show(list[(at < 0 ? (by > 0 ? 0 : list.length - 1) : (at + by + list.length) % list.length)].id);
  }

  setVisible(on) { this.visible = on; if (!on) this.selected = null; this.refresh(); }

  // --- changing --------------------------------------------------------------------------------------------------

  /** Save a new shape, given in image px. */
  add(geometry, more = {}) {
    const label = more.label ?? this.current;
    const made = { id: newId(), geometry: toStored(geometry, this.viewer.frameOf), label, colour: this.colourOf(label), comment: '', verdict: null, about: {}, ...more };
    this.visible = true; this.selected = more.verdict ? this.selected : made.id;
    this.book.put(made);
    return made;
  }

  change(id, change) {
    const a = this.book.get(id);
    if (!a || !this.writes) return;
    const label = change.label ?? a.label;
    if (change.label) this.label = label;
    this.book.put({ ...a, ...change, colour: change.label && change.label !== a.label ? this.colourOf(label) : a.colour });
  }

  remove(id = this.selected) {
    const a = id && this.book?.get(id);
    if (!a || !this.writes) return;
    this.endReshape();
    this.removed = a; this.selected = null;
    this.book.remove(id);
  }

  restore() {
    if (!this.removed) return;
    const { geometry, label, colour, comment, verdict, about } = this.removed;
    this.removed = null;
    this.book.put({ id: newId(), geometry, label, colour, comment, verdict, about });
  }

  async load(file, origin) { return this.book.load(file, origin); }

  // --- drawing with Annotorious ----------------------------------------------------------------------------------

  /** Choose 'polygon', 'rectangle', 'point' or null. */
  async setTool(tool) {
    this.tool = tool;
    this.endReshape();
    if (tool) { this.visible = true; this.select(null); }
    const drawing = tool === 'polygon' || tool === 'rectangle';
    if (drawing) {
      const pen = await this.pen();
      if (this.tool !== tool) return;
      pen.setDrawingTool(tool); pen.setDrawingEnabled(true);
    } else this.releasePen();
  }

  /** The Annotorious instance; made when it is first needed, because it keeps a canvas of its own in step with the slide. */
  async pen() {
    this.styled ??= attachStyles(this.viewer.el.getRootNode(), [`${VENDOR}.css`]);
    await Promise.all([loadScript(`${VENDOR}.js`), this.styled]);
    if (!this.drawing && !this.closed) {
      seeMirrored(this.viewer.osd);
      this.drawing = window.AnnotoriousOSD.createOSDAnnotator(this.viewer.osd, { drawingEnabled: false, autoSave: true, drawingMode: 'click',
        style: { fill: '#35e0ff', fillOpacity: 0.12, stroke: '#0b6e8a', strokeOpacity: 1, strokeWidth: 2 } });
      this.drawing.on('createAnnotation', drawn => this.drawn(drawn));
      this.drawing.on('updateAnnotation', drawn => this.reshaped(drawn));
    }
    return this.drawing;
  }

  drawn(annotation) {
    const { selector } = annotation.target;
    this.drawing.cancelSelected?.();
    this.drawing.removeAnnotation(annotation.id);
    const geometry = geometryOf(selector);
    if (geometry) this.add(geometry);
  }

  /** Let the outline of a polygon be dragged. */
  async reshape(id) {
    const a = this.book.get(id), image = this.shapes.get(id)?.image;
    if (!a || image?.type !== 'Polygon' || image.coordinates.length !== 1) return;
    const pen = await this.pen();
    this.endReshape();
    this.editing = id;
    pen.setDrawingEnabled(false);
    pen.setAnnotations([{ id, bodies: [], target: { annotation: id, selector: selectorOf(image) } }], true);
    this.before = JSON.stringify(pen.getAnnotationById(id).target.selector.geometry.points);
    pen.setSelected(id, true);
    this.card.reshaping(true);
    this.viewer.draw();
  }

  reshaped({ id, target }) {
    const geometry = geometryOf(target.selector);
    if (id !== this.editing || !geometry || !this.book.get(id)) return;
    this.before = JSON.stringify(target.selector.geometry.points);
    this.book.put({ ...this.book.get(id), geometry: toStored(geometry, this.viewer.frameOf) });
  }

  endReshape() {
    if (!this.editing) return;
    const last = this.drawing?.getAnnotationById(this.editing);     // Annotorious tells of a change only some time after it
    if (last && JSON.stringify(last.target.selector.geometry.points) !== this.before) this.reshaped(last);
    this.editing = null;
    this.drawing?.cancelSelected?.();
    this.drawing?.clearAnnotations();
    this.card.reshaping(false);
    if (!this.tool) this.releasePen();
    this.viewer.draw();
  }

  releasePen() {
    if (!this.drawing || this.editing) return;
    this.drawing.setDrawingEnabled(false);
    this.drawing.destroy();
    this.drawing = null;
    this.viewer.osd.setMouseNavEnabled(true);
  }

  /** Give up the shape under way; true when there was something to give up. */
  escape() {
    if (this.editing) { this.endReshape(); return true; }
    if (this.drawing && this.tool) { this.drawing.cancelDrawing(); }
    return false;
  }

  close() {
    this.editing = null; this.selected = null; this.removed = null;
    this.book?.close(); this.book = null; this.shapes.clear();
    this.releasePen();
    this.card.show(null);
  }

  destroy() { this.close(); this.closed = true; }
}

/** Annotorious asks the viewport where a click lies in the image, and the viewport knows nothing of a mirrored view. */
function seeMirrored({ viewport, element }) {
  if (Object.hasOwn(viewport, 'viewerElementToImageCoordinates')) return;
  const convert = viewport.viewerElementToImageCoordinates.bind(viewport);
  viewport.viewerElementToImageCoordinates = point => {
    const at = point.clone();
    if (viewport.getFlip()) at.x = element.clientWidth - at.x;
    return convert(at);
  };
}

/** GeoJSON of an Annotorious shape, image px; null for one with no inside. */
function geometryOf({ type, geometry }) {
  let ring = null;
  if (type === 'RECTANGLE') { const { x, y, w, h } = geometry; ring = [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]; }
  if (type === 'POLYGON') ring = geometry.points.map(p => [p[0], p[1]]).filter(([x, y], i, all) => !i || Math.hypot(x - all[i - 1][0], y - all[i - 1][1]) > 0.01);
  return ring && ring.length > 2 ? { type: 'Polygon', coordinates: [[...ring, ring[0]]] } : null;
}

function selectorOf({ coordinates: [ring] }) {
  const open = ring.slice(0, -1), [xs, ys] = [open.map(p => p[0]), open.map(p => p[1])];
  return { type: 'POLYGON', geometry: { points: open, bounds: { minX: Math.min(...xs), minY: Math.min(...ys), maxX: Math.max(...xs), maxY: Math.max(...ys) } } };
}
