// Measure on the slide: click along a line for its length, click the first point again for the area.
import { area, lengthOf } from './shapes.js';
import { areaText, length } from './format.js';

const CLOSE_PX = 10;

export class Measure {
  /** @param redraw called when something changed */
  constructor(redraw) { this.redraw = redraw; this.active = false; this.clear(); }

  clear() { this.line = []; this.cursor = null; this.ended = false; this.closed = false; }

  toggle(on = !this.active) { this.active = on; this.clear(); this.redraw(); return on; }

  /** @param at image point  @param px one CSS px in image px */
  click([x, y], px) {
    if (this.ended) this.clear();
    const near = (p, reach) => p && Math.hypot(p[0] - x, p[1] - y) < reach * px;
    if (this.line.length > 2 && near(this.line[0], CLOSE_PX)) { this.closed = this.ended = true; } else if (near(this.line.at(-1), 4)) this.end(); else this.line.push([x, y]);
    this.redraw();
  }

  end() { this.ended = this.line.length > 1; if (!this.ended) this.clear(); this.redraw(); }

  move(at) {
    if (!this.active || !this.line.length || this.ended || this.cursor?.every((v, i) => v === at[i])) return;
    this.cursor = at; this.redraw();
  }

  /** Length of the line, and the area once it is closed, in words; empty before there is a line. */
  reading(mpp) {
    const line = [...this.line, ...(this.closed ? [this.line[0]] : !this.ended && this.cursor ? [this.cursor] : [])];
    if (line.length < 2) return '';
    const long = length(lengthOf(line) * mpp);
    return this.closed ? `${areaText(area({ type: 'Polygon', coordinates: [line] }) * mpp * mpp)}, outline ${long}` : long;
  }

  paint(brush, frame) {
    if (!this.active || !this.line.length) return;
    const path = new Path2D(), line = [...this.line, ...(!this.ended && this.cursor ? [this.cursor] : [])];
    line.forEach(([x, y], i) => i ? path.lineTo(x, y) : path.moveTo(x, y));
    if (this.closed) path.closePath();
    brush.outline(path, '#111', 1.5, this.ended ? [] : [6, 4]);
    this.line.forEach(p => brush.dot(p, '#111', 3));
    const text = this.reading(frame.mpp);
    if (text) brush.label(text, line.at(-1), { dx: 12, dy: -14 });
  }
}
