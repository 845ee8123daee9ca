// Links the components on a page, without a round trip to Python: a tile chosen in one is framed in all.
const page = (window.__icicore ??= {});
for (const name of ['viewers', 'sheets', 'memory']) page[name] ??= {};
for (const name of ['mounts', 'destroys']) page[name] ??= 0;
const listeners = (page.listeners ??= new Set());

/** Components by key, for tests and for the console. */
export const registry = page;

/** Listen to other components: `choose(tile)`, `layers()`. Returns a function that stops it. */
export function listen(owner, does) {
  const entry = { owner, does };
  listeners.add(entry);
  return () => listeners.delete(entry);
}

/** Tell the other components: `choose` with {slide, index, row, col}, or `layers` when colours changed. */
export function announce(owner, topic, content) {
  for (const { owner: other, does } of [...listeners]) if (other !== owner) does[topic]?.(content);
}
