// Small helpers for building elements.

/** Create an element: properties, `on*` listeners, `class`, `style`, `aria-*`/`data-*` attributes, then children. */
export function h(tag, props = {}, ...children) {
  const el = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value);
    else if (name === 'class') el.className = value;
    else if (name === 'style') el.style.cssText = value;
    else if (name in el && !name.includes('-') && name !== 'list') el[name] = value;
    else el.setAttribute(name, value);
  }
  el.append(...children.flat().filter(c => c !== null && c !== undefined));
  return el;
}

const ICONS = {
  layers: 'M12 3 2.5 8 12 13l9.5-5zM4 12.2 12 16.4l8-4.2M4 16.2l8 4.2 8-4.2',
  eye: 'M2 12s3.6-6.5 10-6.5S22 12 22 12s-3.6 6.5-10 6.5S2 12 2 12zM12 9a3 3 0 1 0 0 6 3 3 0 0 0 0-6z',
  hidden: 'M4 4l16 16M9.5 5.9A10 10 0 0 1 12 5.5C18.400 5.500 22 12 22 12a17 17 0 0 1-3 3.700M6.200 7.600A17 17 0 0 0 2 12s3.600 6.500 10 6.500a9.600 9.600 0 0 0 4-.9',
  down: 'M6 9l6 6 6-6',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  rotate: 'M20 12a8 8 0 1 1-2.600-5.900M20 3v4.500h-4.500',
  mirror: 'M12 3v18M8.500 7 3.500 17h5zM15.500 7l5 10h-5z',
  full: 'M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7',
  help: 'M9.200 9a2.900 2.900 0 1 1 4.300 2.500c-.9.5-1.500 1.100-1.500 2.200M12 17.300v.2M12 2.800a9.200 9.200 0 1 0 0 18.400 9.200 9.200 0 0 0 0-18.400z',
  close: 'M6 6l12 12M18 6 6 18',
  back: 'M4 12a8 8 0 1 0 2.600-5.900M4 3v4.500h4.500',
  polygon: 'M5 9.500 11.500 4 20 8.500 17.500 18.500 7.500 19.500zM5 9.500h.01M20 8.500h.01',
  rectangle: 'M4 6h16v12H4z',
  point: 'M12 3v5M12 16v5M3 12h5M16 12h5M12 11.500v1',
  list: 'M9 6h11M9 12h11M9 18h11M4.500 6h.01M4.500 12h.01M4.500 18h.01',
  ruler: 'M3.500 16.500 16.500 3.500l4 4-13 13zM7 13l2 2M10 10l2 2M13 7l2 2',
  grid: 'M4 4h16v16H4zM4 9.300h16M4 14.700h16M9.300 4v16M14.700 4v16',
  split: 'M4 5h16v14H4zM12 5v14M15 9.500h2M15 12.500h2',
  camera: 'M4 8h3.500L9 5.500h6L16.500 8H20v11H4zM12 10.200a3.200 3.200 0 1 0 0 6.400 3.200 3.200 0 0 0 0-6.400z',
};

/** Line icon that takes the colour of the text. */
export function icon(name, size = 16) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [k, v] of Object.entries({ viewBox: '0 0 24 24', width: size, height: size, fill: 'none', stroke: 'currentColor',
    'stroke-width': 1.8, 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true' })) svg.setAttribute(k, v);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
}

/** Height of a component: that for a window of 900 px, and its share of what a higher window has to spare. */
export const heightOf = ({ height, grows = 0 }) => `calc(${height}px + ${grows} * max(0px, 100vh - 900px))`;

/** Attach the style sheets that lie beside the modules; resolves when they apply, so nothing flashes unstyled. */
export function attachStyles(root, names) {
  return Promise.all(names.map(name => new Promise((done, failed) => {
    const link = h('link', { rel: 'stylesheet', href: new URL(name, import.meta.url).href, onload: done, onerror: failed });
    root.appendChild(link);
  })));
}

/** Run `fn` when calls have paused for `ms`. */
export function debounce(fn, ms) {
  let timer = 0;
  const run = (...args) => { clearTimeout(timer); timer = setTimeout(() => fn(...args), ms); };
  run.cancel = () => clearTimeout(timer);
  return run;
}
