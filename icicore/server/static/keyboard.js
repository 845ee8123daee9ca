// Keys of the viewer, and the card that lists them.
import { h, icon } from './dom.js';

const KEYS = [
  ['+  −', 'zoom in, out'], ['.  ,', 'next higher, lower magnification'], ['← → ↑ ↓', 'move'], ['0', 'whole slide'], ['1 – 9', 'show or hide a layer'], ['h', 'hide all layers, and back'],
  ['n  p', 'next, previous tile by attention'], ['r  R', 'rotate right, left'], ['m', 'mirror'],
  ['v', 'second view without layers'], ['g', 'test grid'], ['u', 'measure'], ['s', 'save the picture'], ['f', 'full screen'], ['?', 'this list'],
];
const DRAWING = [
  ['d  b  t', 'outline, box, point'], ['l', 'list of annotations'], [']  [', 'next, previous annotation'], ['a  x', 'agree, disagree with the tile'], ['Del', 'delete the annotation'], ['Enter', 'end the measurement'], ['Esc', 'end, close'],
];
const MOUSE = [['wheel', 'zoom'], ['drag', 'move'], ['click', 'examine a tile'], ['double click', 'zoom in']];

/** Answer to a key, or undefined. `does` holds one function per action. */
export function keyAction(event, does) {
  if (event.ctrlKey || event.metaKey || event.altKey) return undefined;
  if (/^[1-9]$/.test(event.key)) return () => does.layer(Number(event.key) - 1);
  const step = 60;
  return {
    '+': does.zoomIn, '=': does.zoomIn, '-': does.zoomOut, _: does.zoomOut, 0: does.fit, h: does.hide, n: () => does.step(1), p: () => does.step(-1),
    r: () => does.rotate(90), R: () => does.rotate(-90), m: does.mirror, f: does.fullScreen, '?': does.help, Escape: does.escape,
    ArrowLeft: () => does.pan(-step, 0), ArrowRight: () => does.pan(step, 0), ArrowUp: () => does.pan(0, -step), ArrowDown: () => does.pan(0, step),
    '.': () => does.jump(1), ',': () => does.jump(-1), v: () => does.tool('second'), g: () => does.tool('grid'), u: () => does.tool('measure'), s: () => does.tool('shot'),
    d: () => does.tool('polygon'), b: () => does.tool('rectangle'), t: () => does.tool('point'), l: () => does.tool('list'), ']': () => does.note(1), '[': () => does.note(-1),
    a: () => does.judge('agree'), x: () => does.judge('disagree'), Delete: does.erase, Enter: does.enter,
  }[event.key];
}

export function helpCard(close) {
  const list = items => h('dl', {}, items.flatMap(([key, what]) => [h('dt', {}, key), h('dd', {}, what)]));
  return h('div', { class: 'help card', role: 'dialog', 'aria-label': 'Keys and mouse', hidden: true },
    h('button', { class: 'close', type: 'button', 'aria-label': 'Close', onclick: close }, icon('close')),
    h('h3', {}, 'Keys'), list(KEYS), h('h3', {}, 'Draw and judge'), list(DRAWING), h('h3', {}, 'Mouse'), list(MOUSE));
}
