// Frames of coordinates. Image px: the scanned area at full resolution, which is what the viewer shows.
// Level-0 px: the whole slide file, which is what results are stored in. image = l0 - origin of the scanned area.

export class SlideFrame {
  /** @param slide content of layers.json  @param info size and origin of the image that the server shows */
  constructor(slide, info) {
    this.width = info.width; this.height = info.height;
    this.origin = info.origin_l0;
    this.mpp = slide.mpp; this.rows = slide.rows; this.cols = slide.cols;
    this.tile = slide.tile_l0;                                  // fractional when the slide's mpp does not divide
    this.left = slide.origin_l0[0] - this.origin[0];
    this.top = slide.origin_l0[1] - this.origin[1];
  }

  /** Row and column of the tile at an image point, null outside the grid. */
  tileAt(x, y) {
    const col = Math.floor((x - this.left) / this.tile), row = Math.floor((y - this.top) / this.tile);
    return row >= 0 && col >= 0 && row < this.rows && col < this.cols ? { row, col } : null;
  }

  /** Rectangle of a tile in image px. */
  tileRect(row, col) {
    return { x: this.left + col * this.tile, y: this.top + row * this.tile, width: this.tile, height: this.tile };
  }

  toL0(x, y) { return [x + this.origin[0], y + this.origin[1]]; }
}

/** Tiles of a slide by number and by place. */
export class TileTable {
  constructor(columns, cols) {
    this.columns = columns; this.cols = cols; this.n = columns.n;
    this.places = new Map(columns.row.map((row, i) => [row * cols + columns.col[i], i]));
  }

  indexAt(row, col) { return this.places.get(row * this.cols + col); }

  /** Complete {index} or {row, col}; null when there is no such tile. */
  resolve(tile) {
    if (!tile) return null;
    const index = tile.index ?? this.indexAt(tile.row, tile.col);
    if (index === undefined || !(index >= 0 && index < this.n)) return null;
    return { slide: tile.slide, index, row: this.columns.row[index], col: this.columns.col[index] };
  }

  /** Tile numbers by a column, highest first. */
  ranked(column) {
    const values = this.columns[column];
    return Array.from({ length: this.n }, (_, i) => i).sort((a, b) => values[b] - values[a] || a - b);
  }
}
