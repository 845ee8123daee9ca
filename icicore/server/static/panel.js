// Controls of the layers: one row each, details of one layer at a time.
import { DIVERGING, SEQUENTIAL, cssGradient, mapLabel } from './colormaps.js';
import { badge, verdictOn } from './badges.js';
import { h, icon } from './dom.js';
import { value } from './format.js';
import { Histogram } from './histogram.js';
import { SCALES } from './scales.js';

export class Panel {
  /** @param onChange (layer, name, value) after each change by the user */
  constructor(onChange) {
    this.onChange = onChange; this.open = null; this.layers = [];
    this.rows = h('div', { class: 'rows' });
    this.toggle = h('button', { class: 'panel-head', type: 'button', 'aria-expanded': 'true', title: 'Show or hide the layer controls',
      onclick: () => this.collapse(!this.el.classList.contains('collapsed')) }, icon('layers'), h('span', {}, 'Layers'), icon('down', 14));
    this.el = h('section', { class: 'panel card', 'aria-label': 'Layers' }, this.toggle, this.rows);
  }

  collapse(yes) {
    this.el.classList.toggle('collapsed', yes);
    this.toggle.setAttribute('aria-expanded', String(!yes));
  }

  /** Show the layers of a slide. @param tested what the evaluation of the bundle found, by layer */
  show(layers, tested = {}) {
    this.layers = layers; this.tested = tested;
    this.open = layers.find(l => l.id === this.open)?.id ?? null;
    this.render();
  }

  /** @param focus selector of the control that had the focus and is built anew */
  render(focus) {
    this.rows.replaceChildren(...this.layers.map((layer, i) => this.row(layer, i)));
    if (focus) this.rows.querySelector(focus)?.focus({ preventScroll: true });
  }

  change(layer, name, v) {
    layer.set(name, v);
    this.onChange(layer, name, v);
  }

  row(layer, i) {
    const { state } = layer, open = this.open === layer.id;
    const show = h('button', { class: 'show', type: 'button', role: 'switch', 'aria-checked': String(state.visible), 'aria-label': `Show ${layer.name}`,
      'data-layer': layer.id, title: `${state.visible ? 'Hide' : 'Show'} (key ${i + 1})`,
      onclick: () => { this.change(layer, 'visible', !state.visible); this.render(`.show[data-layer=${layer.id}]`); } }, icon(state.visible ? 'eye' : 'hidden'));
    const opacity = h('input', { class: 'opacity', type: 'range', min: 0, max: 1, step: 0.01, value: state.opacity, 'aria-label': `${layer.name} opacity`,
      title: `Opacity ${Math.round(state.opacity * 100)} %`, oninput: e => {
        this.change(layer, 'opacity', Number(e.target.value));
        e.target.title = `Opacity ${Math.round(state.opacity * 100)} %`;
        if (!state.visible) { this.change(layer, 'visible', true); row.classList.remove('off'); show.setAttribute('aria-checked', 'true'); show.replaceChildren(icon('eye')); }
      } });
    const more = h('button', { class: `more${open ? ' open' : ''}`, type: 'button', 'aria-expanded': String(open), 'aria-label': `${layer.name} details`,
      title: 'Colours, scale and threshold', onclick: () => this.expand(open ? null : layer) }, icon('down', 14));
    const row = h('div', { class: `row${state.visible ? '' : ' off'}` }, show,
      h('button', { class: 'name', type: 'button', tabIndex: -1, title: layer.meta.meaning ?? layer.name, onclick: () => this.expand(open ? null : layer) }, layer.name), badge(layer.id, this.tested[layer.id]) ?? h('i'), opacity, more);
    return h('div', { class: 'layer', 'data-layer': layer.id }, row, open ? this.details(layer) : null);
  }

  expand(layer) {
    const focus = `.layer[data-layer=${layer?.id ?? this.open}] .more`;
    this.open = layer?.id ?? null;
    if (layer && !layer.values) layer.load().then(() => this.render(focus), () => { layer.failed = true; this.render(focus); });
    this.render(focus);
  }

  details(layer) {
    if (!layer.values) return h('div', { class: 'details' }, layer.failed ? 'This layer is not available for this slide.' : 'Loading …');
    const { state } = layer;
    if (layer.classes) return h('div', { class: 'details' }, layer.meta.meaning);
    const maps = layer.id === 'tissue' ? ['teal', ...SEQUENTIAL] : layer.signed ? DIVERGING : SEQUENTIAL;
    const swatch = h('i', { class: 'swatch', style: `background:${cssGradient(state.colormap)}` });
    const colours = h('select', { class: 'colormap', 'aria-label': `${layer.name} colours`, onchange: e => {
      this.change(layer, 'colormap', e.target.value);
      swatch.style.background = cssGradient(state.colormap);
    } }, maps.map(m => h('option', { value: m, selected: m === state.colormap }, mapLabel(m))));
    const scales = h('div', { class: 'segments', role: 'radiogroup', 'aria-label': `${layer.name} scale` }, SCALES.map(kind =>
      h('button', { type: 'button', role: 'radio', 'aria-checked': String(kind === state.scale), 'data-scale': kind,
        onclick: () => { this.change(layer, 'scale', kind); this.render(`[data-scale=${kind}]`); } }, kind)));
    const tested = verdictOn(layer.id, this.tested[layer.id]);
    return h('div', { class: 'details' }, this.histogram(layer),
      h('label', {}, h('span', {}, 'Colours'), h('span', { class: 'pair' }, swatch, colours)),
      h('div', { class: 'field' }, h('span', {}, 'Scale'), scales), this.threshold(layer),
      h('label', { class: 'check', title: 'Weak values let the tissue through' }, h('input', { type: 'checkbox', class: 'fade', checked: state.fade, onchange: e => this.change(layer, 'fade', e.target.checked) }), 'Fade weak values'),
      tested ? h('p', { class: 'tested' }, `${tested.mark} ${tested.words}`) : null);
  }

  /** Spread of the values, with the window that is shown. */
  histogram(layer) {
    const own = new Histogram(layer, (threshold, ceiling) => {
      layer.set('ceiling', ceiling);
      this.change(layer, 'threshold', threshold);
      const row = own.el.parentElement;
      row.querySelector('.threshold').value = threshold === null ? 0 : layer.scale.place(threshold);
      row.querySelector('.number').value = threshold === null ? '' : Number(threshold.toPrecision(4));
    });
    this.spread = own;
    return own.el;
  }

  /** Slider along the colour bar and the same threshold as a number in the layer's own unit. */
  threshold(layer) {
    const { state, signed } = layer, scale = layer.scale;
    const place = state.threshold === null ? 0 : scale.place(state.threshold);
    const slider = h('input', { class: 'threshold', type: 'range', min: 0, max: 1, step: 0.005, value: place, 'aria-label': `${layer.name} threshold`,
      title: signed ? 'Hide tiles that contribute less than this, in either direction' : 'Hide tiles below this value', oninput: e => {
        const t = Number(e.target.value);
        this.change(layer, 'threshold', t <= 0 ? null : scale.magnitude(t));
        number.value = state.threshold === null ? '' : Number(state.threshold.toPrecision(4));
        this.spread?.update();
      } });
    const number = h('input', { class: 'number', type: 'number', step: 'any', placeholder: 'none', 'aria-label': `${layer.name} threshold value`,
      value: state.threshold === null ? '' : Number(state.threshold.toPrecision(4)), title: `Value in ${layer.unit}; largest ${value(scale.high)}`, onchange: e => {
        const v = e.target.value === '' ? NaN : Number(e.target.value);
        this.change(layer, 'threshold', Number.isFinite(v) ? v : null);
        slider.value = Number.isFinite(v) ? scale.place(v) : 0;
        this.spread?.update();
      } });
    return h('label', {}, h('span', {}, signed ? 'Least size' : 'Threshold'), h('span', { class: 'pair' }, slider, number));
  }
}
