// Viewers that move together: the same slide exactly, different slides by magnification and, when linked, by distance.
const groups = (window.__icicore.groups ??= new Map());
const STARTS = ['pointerdown', 'wheel', 'keydown'], MOVES = ['viewport-change', 'rotate', 'flip'];

export class Sync {
  /** @param viewer the SlideViewer whose view is shared */
  constructor(viewer) { this.viewer = viewer; this.wanted = null; }

  /** @param wanted {group, mode} from Python, or null; mode is `off`, `magnification` or `position` */
  join(wanted) {
    const before = this.wanted;
    if (JSON.stringify(before) === JSON.stringify(wanted ?? null)) return;
    this.wanted = wanted ?? null;
    if (before) this.members(before.group).delete(this);
    if (!wanted) return;
    this.members(wanted.group).add(this);
    this.listen();
    // What lies in the middle of each view now is what belongs together from here on.
    for (const member of this.members(wanted.group)) member.anchor = member.viewer.shown ? member.centre() : null;
    const first = this.others()[0];
    if (first && !before && wanted.mode !== 'off') this.follow(first.viewer, wanted.mode, first);
  }

  members(group) { if (!groups.has(group)) groups.set(group, new Set()); return groups.get(group); }

  /** The viewer that was last touched leads; the others only follow, or two animations would pull at each other. */
  listen() {
    if (this.handlers) return;
    const { osd, el } = this.viewer;
    this.lead = () => { for (const m of this.members(this.wanted?.group)) m.leader = this; };
    for (const name of STARTS) el.addEventListener(name, this.lead, true);
    const move = () => { if (this.wanted && this.wanted.mode !== 'off' && this.leader === this) this.tell(); };
    this.handlers = MOVES.map(name => [name, move]);
    for (const [name, does] of this.handlers) osd.addHandler(name, does);
  }

  others() { return this.wanted ? [...this.members(this.wanted.group)].filter(m => m !== this && m.viewer.shown && m.viewer.frameOf) : []; }

  tell() {
    if (this.viewer.shown) for (const other of this.others()) other.follow(this.viewer, this.wanted.mode, this);
  }

  centre() {
    const { osd, item } = this.viewer;
    return item.viewportToImageCoordinates(osd.viewport.getCenter(true));
  }

  /** Middle of the view when linking began, image px. */
  start() { return (this.anchor ??= this.centre()); }

  follow(from, mode, leader) {
    const to = this.viewer, a = from.osd.viewport, b = to.osd.viewport;
    const same = from.slide?.id === to.slide?.id;
    if (b.getFlip() !== a.getFlip() && (same || mode === 'position')) b.setFlip(a.getFlip());
    if (b.getRotation(true) !== a.getRotation(true) && (same || mode === 'position')) b.setRotation(a.getRotation(true), true);
    if (same) { b.zoomTo(to.item.imageToViewportZoom(from.item.viewportToImageZoom(a.getZoom(true))), null, true); b.panTo(a.getCenter(true), true); }
    else {
      const started = mode === 'position' ? [leader.start(), this.start()] : null;
      b.zoomTo(to.item.imageToViewportZoom(to.frameOf.mpp / from.umPerPx()), null, true);
      if (started) {
        const [theirs, mine] = started, now = leader.centre(), scale = from.frameOf.mpp / to.frameOf.mpp;
        b.panTo(to.item.imageToViewportCoordinates(mine.x + (now.x - theirs.x) * scale, mine.y + (now.y - theirs.y) * scale), true);
      }
    }
    to.osd.forceRedraw();
  }

  leave() {
    if (this.wanted) this.members(this.wanted.group).delete(this);
    for (const [name, does] of this.handlers ?? []) this.viewer.osd?.removeHandler(name, does);
    for (const name of STARTS) this.viewer.el.removeEventListener(name, this.lead, true);
    this.wanted = this.handlers = null;
  }
}
