// Thumbnails of tiles: pages of small ones for every tile, sharp single ones for the few that are shown large.
import { fetchJson, fill } from './fetching.js';

/** Images by key, fetched a few at a time, what is wanted now first; the least recently used are let go. */
export class ImagePool {
  /** @param address key => URL  @param onLoad called after each arrival */
  constructor({ address, onLoad, keep, parallel = 4 }) {
    Object.assign(this, { address, onLoad, keep, parallel });
    this.images = new Map(); this.busy = new Set(); this.wanted = []; this.failed = new Set();
  }

  get(key) {
    const image = this.images.get(key);
    if (image) { this.images.delete(key); this.images.set(key, image); }
    return image;
  }

  /** State what the current view needs; anything asked for earlier and not begun is forgotten. */
  want(keys) {
    this.wanted = keys.filter(k => !this.images.has(k) && !this.busy.has(k) && !this.failed.has(k));
    this.pump();
  }

  pump() {
    while (this.busy.size < this.parallel && this.wanted.length) this.load(this.wanted.shift());
  }

  async load(key) {
    this.busy.add(key);
    try {
      const answer = await fetch(this.address(key), { credentials: 'same-origin' });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const image = await createImageBitmap(await answer.blob());
      if (this.closed) return image.close();
      this.images.set(key, image);
      while (this.images.size > this.keep) this.drop(this.images.keys().next().value);
    } catch { this.failed.add(key); } finally { this.busy.delete(key); }
    if (!this.closed) { this.onLoad(); this.pump(); }
  }

  drop(key) { this.images.get(key)?.close(); this.images.delete(key); }

  close() { this.closed = true; this.wanted = []; for (const key of [...this.images.keys()]) this.drop(key); }
}

/** Sprite pages of a slide: tile i lies on page i / per_page, in row-major cells. */
export class Sprites {
  static async open(urls, onLoad) { return new Sprites(await fetchJson(urls.sheet_info), urls, onLoad); }

  constructor(info, urls, onLoad) {
    this.info = info;
    this.pool = new ImagePool({ onLoad, keep: 48, address: page => fill(urls.sheet, { page: info.pages[page].replace(/\.jpg$/, '') }) });
  }

  want(indices) { this.pool.want([...new Set(indices.map(i => Math.floor(i / this.info.per_page)))]); }

  /** Where the thumbnail of a tile lies: {image, x, y, size}, or null until its page has come. */
  find(i) {
    const { per_page: perPage, per_row: perRow, tile_px: size } = this.info;
    const image = this.pool.get(Math.floor(i / perPage)), cell = i % perPage;
    return image ? { image, x: (cell % perRow) * size, y: Math.floor(cell / perRow) * size, size } : null;
  }

  close() { this.pool.close(); }
}

/** Address of a tile's picture at a size in px. */
export function tileAddress(slide, columns, i, px) {
  return fill(slide.urls.region, { x: columns.x_l0[i].toFixed(2), y: columns.y_l0[i].toFixed(2), size: slide.tile_l0.toFixed(3), px });
}
