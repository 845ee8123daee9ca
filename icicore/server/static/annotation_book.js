// Annotations of one slide as the server holds them, and what could not be sent yet: kept in this browser until it is.
const POLL_MS = 6000, RETRY_MS = 4000;
const key = (slide, user) => `icicore-unsent-${slide}-${user}`;

function unsent(slide, user) {
  try { return new Map(JSON.parse(localStorage.getItem(key(slide, user)) ?? '[]')); } catch { return new Map(); }
}

/** @typedef {{id, geometry, label, colour, comment, verdict, about, author, updated, revision}} Annotation */
export class AnnotationBook {
  /** @param user whose changes these are: what one person could not send is never sent in the name of another
      @param onChange called after every change of `list` or `status` */
  constructor(slide, user, onChange) {
    Object.assign(this, { slide: slide.id, urls: slide.urls, user, onChange });
    this.stored = new Map(); this.outbox = unsent(slide.id, user); this.message = ''; this.loaded = false; this.tag = null; this.busy = false; this.failing = false; this.disputed = false;
    this.timer = setInterval(() => { if (!document.hidden) this.refresh(); }, POLL_MS);
    this.retry = setInterval(() => this.send(), RETRY_MS);
    this.online = () => this.send();
    window.addEventListener('online', this.online);
    this.refresh().then(() => this.send());
  }

  /** What is to be seen: the stored ones with what is still to be sent laid over. */
  get list() {
    const all = new Map(this.stored);
    for (const [id, { content }] of this.outbox) if (content) all.set(id, { ...all.get(id), ...content }); else all.delete(id);
    return [...all.values()];
  }

  get(id) { return this.list.find(a => a.id === id); }

  /** One line on what is saved. `trouble` when a person has to know. */
  get status() {
    const n = this.outbox.size;
    if (this.message) return { text: this.message, trouble: true };
    if (this.failing && n) return { text: `Not connected: ${n === 1 ? '1 change is' : `${n} changes are`} kept in this browser and saved when the server answers.`, trouble: true };
    if (n) return { text: 'Saving …', trouble: false };
    return { text: this.loaded ? 'All changes saved' : 'Loading …', trouble: false };
  }

  put(annotation) { this.queue(annotation.id, annotation); }

  remove(id) { this.queue(id, null); }

  queue(id, content) {
    this.message = ''; this.disputed = false;
    const before = this.outbox.get(id), revision = before?.revision ?? this.stored.get(id)?.revision ?? 0;
    if (!content && !this.stored.has(id)) this.outbox.delete(id);             // never left this browser
    else this.outbox.set(id, { content, revision, serial: (before?.serial ?? 0) + 1 });
    this.keep(); this.onChange(); this.send();
  }

  keep() {
    try {
      if (this.outbox.size) localStorage.setItem(key(this.slide, this.user), JSON.stringify([...this.outbox])); else localStorage.removeItem(key(this.slide, this.user));
    } catch { /* no storage: kept for the life of the page */ }
  }

  /** Fetch what others did. */
  async refresh() {
    if (this.closed || this.busy) return;
    try {
      const answer = await fetch(this.urls.annotations, { credentials: 'same-origin', headers: this.tag ? { 'If-None-Match': this.tag } : {}, cache: 'no-store' });
      if (answer.status === 304 || this.busy || this.closed) return;
      if (!answer.ok) return;
      this.tag = answer.headers.get('ETag');
      this.stored = new Map((await answer.json()).annotations.map(a => [a.id, a]));
      this.loaded = true;
      this.onChange();
    } catch { /* said when there is something to save */ }
  }

  /** Send one change after the other. */
  async send() {
    if (this.busy || this.closed || !this.outbox.size || !this.urls.annotation) return;
    this.busy = true;
    let changed = false;
    for (const [id, change] of [...this.outbox]) {
      try { await this.sendOne(id, change); this.failing = false; changed = true; } catch (error) { this.failing = true; if (error instanceof Denied) this.message = error.message; break; }
    }
    this.busy = false;
    if (!this.closed) this.onChange();
    if (changed && this.outbox.size && !this.failing) this.send();             // changed again meanwhile
  }

  async sendOne(id, { content, revision, serial }) {
    const address = this.urls.annotation.replace('{id}', id);
    const answer = content
      ? await fetch(address, { method: 'PUT', credentials: 'same-origin', body: JSON.stringify({ ...content, revision }) })
      : await fetch(`${address}&revision=${revision}`, { method: 'DELETE', credentials: 'same-origin' });
    const body = answer.status === 204 || !answer.headers.get('Content-Type')?.includes('json') ? {} : await answer.json();
    if (answer.status === 409) return this.conflict(id, content, body.annotation);
    if (answer.status === 401 || answer.status === 403) throw new Denied('The session has ended: reload the page. What you drew is kept in this browser.');
    if (answer.status === 507) throw new Denied(`Not saved yet, kept in this browser: ${body.error}`);
    if (answer.status === 422 || answer.status === 413) {
      this.message = `Not saved: ${body.error ?? 'it is too large'}`;
      return this.done(id, serial);
    }
    if (!answer.ok) throw new Error(`${answer.status}`);
    if (!this.disputed) this.message = '';                                     // saving the copy must not hide why there is one
    if (content) this.stored.set(id, body.annotation); else this.stored.delete(id);
    const later = this.outbox.get(id);
    if (later && later.serial !== serial) later.revision = body.annotation?.revision ?? 0;
    return this.done(id, serial);
  }

  done(id, serial) {
    if (this.outbox.get(id)?.serial === serial) this.outbox.delete(id);
    this.keep();
  }

  /** Somebody else was first: theirs stays, mine becomes a copy, so that nothing is lost. */
  conflict(id, mine, theirs) {
    this.outbox.delete(id); this.disputed = true;
    if (theirs.deleted) this.stored.delete(id); else this.stored.set(id, theirs);
    const kept = mine ? 'yours is kept as a copy' : 'nothing was deleted';
    this.message = `${theirs.deleted ? 'Deleted' : 'Changed'} meanwhile by ${theirs.changed_by}: ${theirs.deleted ? '' : 'theirs is shown, '}${kept}.`;
    if (mine) {
      const copy = { ...mine, id: newId() };
      this.outbox.set(copy.id, { content: copy, revision: 0, serial: 1 });
    }
    this.keep();
  }

  /** Import a GeoJSON file. Resolves to one line. */
  async load(file, origin) {
    const address = `${this.urls.annotations_import.replace('{origin}', origin)}&name=${encodeURIComponent(file.name)}`;
    try {
      const answer = await fetch(address, { method: 'POST', credentials: 'same-origin', body: file });
      const body = answer.headers.get('Content-Type')?.includes('json') ? await answer.json() : {};
      if (!answer.ok) return { text: body.error ?? (answer.status === 413 ? `${file.name}: is too large` : `${file.name}: was not accepted (${answer.status})`), trouble: true };
      this.tag = null;
      await this.refresh();
      return { text: `${file.name}: ${body.new} new, ${body.changed} changed, ${body.unchanged} unchanged`, trouble: false };
    } catch { return { text: `${file.name}: no connection to the server; nothing was imported`, trouble: true }; }
  }

  close() {
    this.closed = true;
    clearInterval(this.timer); clearInterval(this.retry);
    window.removeEventListener('online', this.online);
  }
}

class Denied extends Error {}

/** A random UUID; the browser's own is missing where a page is not served securely. */
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = b[6] & 15 | 64; b[8] = b[8] & 63 | 128;
  const hex = [...b].map(v => v.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
