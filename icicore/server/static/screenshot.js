// The picture as it is seen, with legend, scale bar and what it may be used for burnt in.
import { CATEGORIES, cssColour } from './colormaps.js';
import { legendText, ticksOf } from './legend.js';
import { length } from './format.js';
import { niceLength } from './scalebar.js';

const BAND = 30, LEGEND = 46, PAD = 12, BAR = 220;
export const NOTICE = 'Research use only';

/** @param views OpenSeadragon viewers from left to right  @param layers shown ones  @param caption one line on what is shown */
export function picture({ views, layers, umPerPx, caption, magnification, background = '#fff' }) {
  const ratio = window.devicePixelRatio || 1;
  const widths = views.map(v => v.element.clientWidth), height = views[0].element.clientHeight;
  const width = widths.reduce((a, b) => a + b) + 2 * (views.length - 1), foot = BAND + (layers.length ? LEGEND * Math.ceil(layers.length / columnsOf(width)) : 0);
  const canvas = Object.assign(document.createElement('canvas'), { width: Math.round(width * ratio), height: Math.round((height + foot) * ratio) });
  const c = canvas.getContext('2d');
  c.scale(ratio, ratio);
  c.fillStyle = background; c.fillRect(0, 0, width, height + foot);
  let x = 0;
  views.forEach((view, i) => {
    for (const part of view.canvas.querySelectorAll(':scope > canvas, :scope > div > canvas')) if (part.width && part.clientWidth) c.drawImage(part, x, 0, widths[i], height);
    x += widths[i] + 2;
  });
  scale(c, umPerPx, magnification, height);
  notice(c, width);
  layers.forEach((layer, i) => legend(c, layer, PAD + (i % columnsOf(width)) * (BAR + 3 * PAD), height + BAND + Math.floor(i / columnsOf(width)) * LEGEND));
  text(c, caption, PAD, height + BAND / 2, '#102a43', '600 12px system-ui, sans-serif', width - 2 * PAD);
  return canvas;
}

const columnsOf = width => Math.max(1, Math.floor((width - PAD) / (BAR + 3 * PAD)));

function text(c, words, x, y, colour, font, widest) {
  Object.assign(c, { font, fillStyle: colour, textBaseline: 'middle', textAlign: 'left' });
  c.fillText(words, x, y, widest);
}

function scale(c, umPerPx, magnification, height) {
  const um = niceLength(150 * umPerPx), long = um / umPerPx, y = height - 16;
  c.fillStyle = 'rgba(255,255,255,.92)'; c.fillRect(8, height - 42, Math.max(long, 60) + 76, 34);
  text(c, length(um), 16, height - 30, '#102a43', '600 12px system-ui, sans-serif');
  text(c, magnification, Math.max(long, 60) + 30, y - 8, '#102a43', '700 14px system-ui, sans-serif');
  c.fillStyle = '#102a43'; c.fillRect(16, y, long, 3); c.fillRect(16, y - 4, 2, 7); c.fillRect(14 + long, y - 4, 2, 7);
}

function notice(c, width) {
  c.font = '700 12px system-ui, sans-serif';
  const long = c.measureText(NOTICE).width;
  c.fillStyle = 'rgba(255,255,255,.92)'; c.fillRect(width - long - 28, 8, long + 20, 24);
  text(c, NOTICE, width - long - 18, 20, '#8a1c1c', '700 12px system-ui, sans-serif');
}

function legend(c, layer, x, y) {
  text(c, layer.classes ? legendText(layer) : legendText(layer).replace(/, [^,]*$/, ''), x, y + 6, '#102a43', '11px system-ui, sans-serif', BAR + PAD);
  if (layer.classes) {
    const seen = layer.classes.map((name, i) => [name, CATEGORIES[i], i]).filter(([, , i]) => layer.values.includes(i));
    seen.forEach(([name, colour], i) => { const left = x + (i % 3) * 78, top = y + 14 + Math.floor(i / 3) * 13; c.fillStyle = `rgb(${colour.join(' ')})`; c.fillRect(left, top, 9, 9); text(c, name, left + 13, top + 5, '#334e68', '10px system-ui, sans-serif', 63); });
    return;
  }
  for (let i = 0; i < BAR; i++) { c.fillStyle = cssColour(layer.state.colormap, i / (BAR - 1)); c.fillRect(x + i, y + 14, 1.5, 9); }
  for (const { t, name } of ticksOf(layer)) {
    c.textAlign = t === 0 ? 'left' : t === 1 ? 'right' : 'center';
    c.font = '10px system-ui, sans-serif'; c.fillStyle = '#334e68'; c.textBaseline = 'middle'; c.fillText(name, x + t * BAR, y + 31);
  }
}

export function save(canvas, name) {
  return new Promise(done => canvas.toBlob(blob => {
    const link = Object.assign(document.createElement('a'), { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 5000);
    done(blob);
  }, 'image/png'));
}
