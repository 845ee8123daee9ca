// Geometry of annotations: GeoJSON in level-0 px as stored, image px as drawn; area, length, hit test, outline of tiles.

/** Polygons of a geometry, each a list of rings; none for points. */
export const polygons = ({ type, coordinates }) => type === 'Polygon' ? [coordinates] : type === 'MultiPolygon' ? coordinates : [];

export const points = ({ type, coordinates }) => type === 'Point' ? [coordinates] : type === 'MultiPoint' ? coordinates : [];

/** A geometry with every position changed. @param change ([x, y]) => [x, y] */
export function mapped({ type, coordinates }, change) {
  const walk = v => typeof v[0] === 'number' ? change(v) : v.map(walk);
  return { type, coordinates: walk(coordinates) };
}

const rounded = v => Math.round(v * 1000) / 1000;

/** Image px to level-0 px, kept within the image. */
export const toStored = (geometry, frame) => mapped(geometry, ([x, y]) => frame.toL0(Math.max(0, Math.min(frame.width, x)), Math.max(0, Math.min(frame.height, y))).map(rounded));

export const toImagePx = (geometry, frame) => mapped(geometry, ([x, y]) => [x - frame.origin[0], y - frame.origin[1]]);

/** All outlines as one path, in the px of the geometry. */
export function pathOf(geometry) {
  const path = new Path2D();
  for (const ring of polygons(geometry).flat()) {
    ring.forEach(([x, y], i) => i ? path.lineTo(x, y) : path.moveTo(x, y));
    path.closePath();
  }
  return path;
}

const ringArea = ring => ring.reduce((sum, [x, y], i) => { const [u, v] = ring[(i + 1) % ring.length]; return sum + x * v - u * y; }, 0) / 2;

/** Area in px², holes left out. */
export const area = geometry => polygons(geometry).reduce((sum, [outer, ...holes]) =>
  sum + Math.abs(ringArea(outer)) - holes.reduce((inner, ring) => inner + Math.abs(ringArea(ring)), 0), 0);

/** Length of a line through positions, px. */
export const lengthOf = line => line.slice(1).reduce((sum, [x, y], i) => sum + Math.hypot(x - line[i][0], y - line[i][1]), 0);

const within = (ring, x, y) => ring.reduce((inside, [u, v], i) => {
  const [a, b] = ring[(i || ring.length) - 1];
  return (v > y) !== (b > y) && x < (a - u) * (y - v) / (b - v) + u ? !inside : inside;
}, false);

/** Whether a place lies within `reach` px of a point or of an outline: the inside stays free for what lies in it. */
export function touches(geometry, x, y, reach) {
  const near = ([a, b], [u, v]) => {
    const [dx, dy] = [u - a, v - b], t = Math.max(0, Math.min(1, ((x - a) * dx + (y - b) * dy) / (dx * dx + dy * dy || 1)));
    return Math.hypot(a + t * dx - x, b + t * dy - y) <= reach;
  };
  return points(geometry).some(p => near(p, p)) || polygons(geometry).flat().some(ring => ring.some((p, i) => i && near(ring[i - 1], p)));
}

/** Whether a place lies in a polygon of a geometry. */
export function holds(geometry, x, y) {
  return polygons(geometry).some(([outer, ...holes]) => within(outer, x, y) && !holes.some(ring => within(ring, x, y)));
}

/** Smallest rectangle, {x, y, width, height}. */
export function bounds(geometry) {
  const all = [...points(geometry), ...polygons(geometry).flat(2)], [xs, ys] = [all.map(p => p[0]), all.map(p => p[1])];
  const least = v => v.reduce((a, b) => Math.min(a, b)), most = v => v.reduce((a, b) => Math.max(a, b));
  return { x: least(xs), y: least(ys), width: most(xs) - least(xs), height: most(ys) - least(ys) };
}

/** Tiles next to each other (by an edge) that `belongs(row, col)` accepts, from one of them on; {row, col} each. */
export function connected(start, belongs, limit = 2000) {
  const seen = new Set([`${start.row},${start.col}`]), found = [start];
  for (let i = 0; i < found.length && found.length < limit; i++) {
    const { row, col } = found[i];
    for (const [r, c] of [[row - 1, col], [row + 1, col], [row, col - 1], [row, col + 1]]) {
      const key = `${r},${c}`;
      if (seen.has(key) || !belongs(r, c)) continue;
      seen.add(key); found.push({ row: r, col: c });
    }
  }
  return found;
}

/** Outline of connected tiles in grid units, as one polygon with its holes: rings of [col, row]. */
export function outlineOf(tiles) {
  const has = new Set(tiles.map(t => `${t.row},${t.col}`)), next = new Map();
  const edge = (from, to) => { const key = from.join(); next.set(key, [...(next.get(key) ?? []), to]); };
  for (const { row: r, col: c } of tiles) {                     // each free side, with the tile on its right
    if (!has.has(`${r - 1},${c}`)) edge([c, r], [c + 1, r]);
    if (!has.has(`${r},${c + 1}`)) edge([c + 1, r], [c + 1, r + 1]);
    if (!has.has(`${r + 1},${c}`)) edge([c + 1, r + 1], [c, r + 1]);
    if (!has.has(`${r},${c - 1}`)) edge([c, r + 1], [c, r]);
  }
  const rings = [];
  while (next.size) {
    const start = next.keys().next().value.split(',').map(Number), ring = [start];
    let at = start, came = null;
    do {
      const ways = next.get(at.join());
      // Where two tiles touch at a corner only, turn right: the ring stays with its own tile and crosses nothing.
      const pick = ways.length > 1 && came ? Math.max(0, ways.findIndex(to => turn(came, at, to) > 0)) : 0;
      const [to] = ways.splice(pick, 1);
      if (!ways.length) next.delete(at.join());
      came = at; at = to; ring.push(to);
    } while (at.join() !== start.join());
    rings.push(straightened(ring));
  }
  return rings.sort((a, b) => Math.abs(ringArea(b)) - Math.abs(ringArea(a)));
}

const turn = ([ax, ay], [bx, by], [cx, cy]) => (bx - ax) * (cy - by) - (by - ay) * (cx - bx);

function straightened(ring) {
  const open = ring.slice(0, -1), n = open.length;
  const corners = open.filter((p, i) => turn(open[(i + n - 1) % n], p, open[(i + 1) % n]) !== 0);
  return [...corners, corners[0]];
}
