// Tiles of the next finer level around the middle of the view, fetched while nobody waits: zooming in then finds them in
// the browser's cache. One at a time and of low priority; given up as soon as the view moves.
const MOST = 24;

/** Addresses of the tiles one level finer than what is shown, in the middle half of the view, from the middle outwards. */
export function finerTiles(osd, item) {
  const source = item.source, viewport = osd.viewport;
  const zoom = item.viewportToImageZoom(viewport.getZoom());    // screen px per pixel of full resolution
  const level = source.maxLevel + Math.floor(Math.log2(zoom / item.minPixelRatio) + 1e-6) + 1;
  if (level > source.maxLevel || level <= source.minLevel) return [];
  const view = viewport.getBounds(), { x, y } = view.getCenter();
  const corner = (dx, dy) => item.viewportToImageCoordinates(x + dx * view.width / 4, y + dy * view.height / 4);
  const side = source.getTileWidth(level) * 2 ** (source.maxLevel - level), counts = source.getNumTiles(level);
  const from = corner(-1, -1), to = corner(1, 1), centre = item.viewportToImageCoordinates(x, y), found = [];
  const span = (low, high, count) => [Math.max(0, Math.floor(low / side)), Math.min(count - 1, Math.floor(high / side))];
  const [left, right] = span(from.x, to.x, counts.x), [top, bottom] = span(from.y, to.y, counts.y);
  for (let row = top; row <= bottom; row++) for (let col = left; col <= right; col++) {
    found.push({ url: source.getTileUrl(level, col, row), far: Math.hypot((col + 0.5) * side - centre.x, (row + 0.5) * side - centre.y) });
  }
  return found.sort((a, b) => a.far - b.far).slice(0, MOST).map(tile => tile.url);
}

export class Prefetch {
  constructor(osd) {
    this.osd = osd; this.known = new Set(); this.stopper = null; this.item = null;
    for (const name of ['animation-finish', 'open']) osd.addHandler(name, () => this.watch());
    for (const name of ['animation-start', 'close', 'destroy']) osd.addHandler(name, () => this.stop());
  }

  /** Begin once everything that is in sight is there. */
  watch() {
    this.stop();
    const item = this.osd.world.getItemAt(0);
    if (!item) return;
    if (item !== this.item) { this.item = item; item.addHandler('fully-loaded-change', event => event.fullyLoaded && this.run(item)); }
    if (item.getFullyLoaded()) this.run(item);
  }

  stop() { this.stopper?.abort(); this.stopper = null; }

  async run(item) {
    if (this.stopper || document.hidden || navigator.connection?.saveData) return;
    const stopper = this.stopper = new AbortController();
    try {
      for (const url of finerTiles(this.osd, item)) {
        if (stopper.signal.aborted) return;
        if (this.known.has(url)) continue;
        const answer = await fetch(url, { credentials: 'same-origin', priority: 'low', signal: stopper.signal });
        await answer.arrayBuffer();
        if (this.known.size > 4000) this.known.clear();
        this.known.add(url);
      }
    } catch { /* moved on, or the server did not answer: nobody waits for these tiles */ }
    if (this.stopper === stopper) this.stopper = null;
  }
}
