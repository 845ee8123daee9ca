// What is painted over the slide beside the layers. Lines are drawn in image px, texts in screen px: a text is never mirrored.

/** One frame's painting surface. @param m image px to CSS px, [a, b, c, d, e, f] */
export class Brush {
  constructor(context, m, ratio) {
    Object.assign(this, { context, m, ratio, px: 1 / Math.hypot(m[0], m[1]) });      // px: one CSS px in image px
  }

  /** CSS px of an image point. */
  screen([x, y]) { const m = this.m; return [m[0] * x + m[2] * y + m[4], m[1] * x + m[3] * y + m[5]]; }

  inImage() { this.context.setTransform(...this.m.map(v => v * this.ratio)); }

  onScreen() { this.context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0); }

  /** Stroke a path given in image px, dark below and bright above, so that it shows on any tissue. */
  outline(path, colour, width = 2, dash = []) {
    const { context: c, px } = this;
    this.inImage();
    c.lineJoin = 'round';
    for (const [style, extra] of [['rgba(255,255,255,.9)', 2], [colour, 0]]) {
      c.strokeStyle = style; c.lineWidth = (width + extra) * px;
      c.setLineDash(extra ? [] : dash.map(v => v * px));
      c.stroke(path);
    }
    c.setLineDash([]);
  }

  /** A dot at an image point, in CSS px. */
  dot(at, colour, radius = 5) {
    const { context: c } = this, [x, y] = this.screen(at);
    this.onScreen();
    for (const [style, r] of [['rgba(255,255,255,.95)', radius + 1.5], [colour, radius]]) { c.fillStyle = style; c.beginPath(); c.arc(x, y, r, 0, 2 * Math.PI); c.fill(); }
  }

  /** A text on a plate beside an image point. */
  label(text, at, { dx = 8, dy = -8, size = 12 } = {}) { this.labelAt(text, ...this.screen(at).map((v, i) => v + [dx, dy][i]), { size }); }

  labelAt(text, x, y, { size = 12, centre = false } = {}) {
    const { context: c } = this;
    this.onScreen();
    c.font = `600 ${size}px system-ui, sans-serif`; c.textBaseline = 'middle'; c.textAlign = 'left';
    const width = c.measureText(text).width, left = centre ? x - width / 2 - 5 : x;
    c.fillStyle = 'rgba(12,28,44,.86)';
    c.beginPath(); c.roundRect(left, y - size * 0.8, width + 10, size * 1.6, 4); c.fill();
    c.fillStyle = '#fff'; c.fillText(text, left + 5, y + 0.5);
  }
}

/** Borders of all tiles, with their rows and columns: what the layers are drawn on must lie on what the slide shows. */
export function paintGrid(brush, frame) {
  const { context: c, px } = brush, { left, top, tile, rows, cols } = frame, side = tile / px;
  const every = [1, 5, 10, 50, 100].find(n => n * side >= 9) ?? 500, named = [1, 5, 10, 50, 100].find(n => n * side >= 46) ?? 500;
  brush.inImage();
  for (const [style, width] of [['rgba(255,255,255,.85)', 2], ['#0b3d5c', 1]]) {
    c.strokeStyle = style; c.lineWidth = width * px;
    c.beginPath();
    for (let i = 0; i <= cols; i += every) { c.moveTo(left + i * tile, top); c.lineTo(left + i * tile, top + rows * tile); }
    for (let i = 0; i <= rows; i += every) { c.moveTo(left, top + i * tile); c.lineTo(left + cols * tile, top + i * tile); }
    c.stroke();
  }
  const { clientWidth: w, clientHeight: h } = c.canvas;
  for (let row = 0; row < rows; row += named) for (let col = 0; col < cols; col += named) {
    const at = brush.screen([left + (col + 0.5) * tile, top + (row + 0.5) * tile]);
    if (at[0] > -40 && at[1] > -20 && at[0] < w + 40 && at[1] < h + 20) brush.labelAt(`${row}, ${col}`, ...at, { size: 10, centre: true });
  }
}
