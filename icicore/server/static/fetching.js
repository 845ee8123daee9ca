// What the components fetch, each address once. Everything comes from the server that delivered this file.
const LIMIT = 40;
const kept = new Map();

function once(url, read) {
  if (kept.has(url)) {
    const found = kept.get(url);
    kept.delete(url); kept.set(url, found);                     // most recently used last
    return found;
  }
  const pending = fetch(url, { credentials: 'same-origin' }).then(answer => {
    if (!answer.ok) throw new Error(`${answer.status} ${url.split('?')[0]}`);
    return read(answer);
  });
  pending.catch(() => kept.delete(url));                        // a failure is not remembered
  kept.set(url, pending);
  if (kept.size > LIMIT) kept.delete(kept.keys().next().value);
  return pending;
}

export const fetchJson = url => once(url, answer => answer.json());

/** A grid of little-endian float32. */
export const fetchGrid = url => once(url, async answer => new Float32Array(await answer.arrayBuffer()));

/** Fill `{name}` in an address. */
export const fill = (template, values) => template.replace(/\{(\w+)\}/g, (_, name) => values[name]);

const scripts = new Map();
/** Load a classic script (a vendored library) once per page. */
export function loadScript(path) {
  const src = new URL(path, import.meta.url).href;
  if (!scripts.has(src)) scripts.set(src, new Promise((done, failed) => {
    const el = document.createElement('script');
    Object.assign(el, { src, onload: done, onerror: () => failed(new Error(`cannot load ${src}`)) });
    document.head.appendChild(el);
  }));
  return scripts.get(src);
}
