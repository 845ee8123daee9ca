// Whether a layer was tested to name what the model really uses; from the evaluation of the bundle, where there is one.
import { h } from './dom.js';
import { count, value } from './format.js';

/** @param found {value, interval95, n} or undefined */
export function verdictOn(layer, found) {
  if (layer === 'leave_one_out') return { mark: '=', kind: 'exact', words: 'Exact by construction: the case is scored anew without each tile.' };
  if (['classes', 'tissue', 'quality'].includes(layer)) return null;              // describes the slide, explains nothing
  if (!found) return { mark: '–', kind: 'untested', words: 'Not tested: no measurement of whether this layer names what this model uses.' };
  const [low, high] = found.interval95, numbers = `${value(found.value, true)} logit (95 % interval ${value(low, true)} to ${value(high, true)}; n ${count(found.n)} patients)`;
  if (low > 0) return { mark: '✓', kind: 'faithful', words: `Faithful: without the top 10 % of tiles the score moves by ${numbers} more than by chance.` };
  if (high < 0) return { mark: '✗', kind: 'misleading', words: `Misleading: worse than chance, ${numbers}.` };
  return { mark: '○', kind: 'chance', words: `No better than chance: ${numbers}.` };
}

export function badge(layer, found) {
  const said = verdictOn(layer, found);
  return said && h('i', { class: `badge ${said.kind}`, role: 'img', title: said.words, 'aria-label': said.words, 'data-faithfulness': said.kind }, said.mark);
}
