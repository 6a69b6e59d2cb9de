// The learner's health: how large steps are beside the weights, which units are dead, how members are mixed.

import { el } from './dom.js';
import { count, decimal, percent, UNKNOWN } from './format.js';

// From which ratio of a step to its weights on which word holds; about a thousandth is healthy.
const STEPS = [[0.1, 'bad', 'very large'], [0.01, 'warn', 'large'], [1e-4, 'good', 'healthy'], [1e-7, 'small', 'small'], [0, 'small', 'hardly moves']];
const DECADES = 7; // of the bar: from a ten-millionth to 1
const DEAD_MANY = 0.5;

const known = value => value !== null && value !== undefined;

const ratio = tensor => known(tensor.step) && tensor.norm > 0 ? tensor.step / tensor.norm : null;

// Biases begin at 0, so their first steps are as large as they are.
const judge = tensor => /bias[^.]*$/.test(tensor.name) || ratio(tensor) === null ? null : STEPS.find(([from]) => ratio(tensor) >= from);

function bar(share, kind) {
  const inner = el('span', { class: kind });
  inner.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return el('span', { class: 'meter', 'aria-hidden': 'true' }, inner);
}

function step(tensor) {
  const found = ratio(tensor);
  if (found === null) return UNKNOWN;
  const [, kind, word] = judge(tensor) ?? [0, 'small', ''];
  return [bar((Math.log10(found) + DECADES) / DECADES, kind), ' ', decimal(found), ' ', el('span', { class: `word ${kind}` }, word)];
}

function histogram(tensor) {
  const all = tensor.histogram.reduce((sum, each) => sum + each, 0);
  if (all === 0 || tensor.least === null) return UNKNOWN;
  const most = Math.max(...tensor.histogram);
  const said = tensor.histogram.map(each => percent(each / all, 0)).join(', ');
  return [el('span', { class: 'bins', role: 'img', 'aria-label': `${tensor.histogram.length} bins of weights from ${decimal(tensor.least)} to ${decimal(tensor.most)}: ${said}` },
    tensor.histogram.map(each => {
      const made = el('span', { class: 'bin' });
      made.style.height = `${(100 * each) / most}%`;
      return made;
    })), el('span', { class: 'note range' }, `${decimal(tensor.least, 3)} to ${decimal(tensor.most, 3)}`)];
}

// One sentence that says whether something is wrong, the worst first.
function verdict(of) {
  const broken = of.tensors.find(tensor => tensor.not_finite > 0);
  if (broken) return ['held bad', `${count(broken.not_finite)} of the weights of ${broken.name} are not finite.`];
  const layers = of.layers.filter(layer => layer.rows > 0);
  const sum = name => layers.reduce((total, layer) => total + layer[name], 0);
  const many = layers.find(layer => layer.dead / layer.units >= DEAD_MANY);
  if (many) return ['held bad', `${count(many.dead)} of ${count(many.units)} units of ${many.layer} are dead: they learn nothing any more.`];
  const judged = of.tensors.filter(judge);
  const largest = judged.reduce((worst, tensor) => worst && ratio(worst) >= ratio(tensor) ? worst : tensor, null);
  const dead = layers.length === 0 ? '' : ` ${count(sum('dead'))} of ${count(sum('units'))} units are dead.`;
  if (!largest) return ['unknown', `No step was measured yet.${dead}`];
  const [, kind, word] = judge(largest);
  return [kind === 'bad' ? 'held bad' : kind === 'warn' ? 'held warn' : 'calm',
    `The largest step, of ${largest.name}, is ${decimal(ratio(largest))} of its weights: ${word}.${dead}`];
}

// A member's rate is the largest of its tensors: a bound on inputs makes those of some smaller.
const rateOf = (of, member) => of.tensors.filter(tensor => tensor.place === member && known(tensor.rate))
  .reduce((most, tensor) => most === null || tensor.rate > most ? tensor.rate : most, null);

function portfolio(of) {
  return of.portfolio.length === 0 ? [] : [el('h3', { class: 'under' }, 'By what weights members are mixed'),
    el('ul', { class: 'shares' }, of.portfolio.map(({ member, weight }) => el('li', {}, el('span', { class: 'who' }, member),
      bar(weight ?? 0, 'share'), el('span', { class: 'much' }, percent(weight),
        el('span', { class: 'note' }, member === 'stacked' ? ' of all members, added up in log-odds' : ` at rate ${decimal(rateOf(of, member))}`)))))];
}

function units(of, table) {
  if (of.layers.length === 0) return [];
  return [el('h3', { class: 'under' }, 'Dead units: 0 for all of the newest 256 rows looked at'), of.layers.every(layer => layer.rows === 0)
    ? el('p', { class: 'unknown' }, 'Not known yet: too few rows came since the trainer started.')
    : table('Dead units', [
      ['layer', row => row.layer, 'text'], ['where', row => row.place || UNKNOWN, 'text'], ['units', row => count(row.units), 'number'],
      ['dead', row => row.rows > 0 ? count(row.dead) : UNKNOWN, 'number'],
      ['share', row => row.rows > 0 ? [bar(row.dead / row.units, row.dead / row.units >= DEAD_MANY ? 'bad' : 'warn'), ' ', percent(row.dead / row.units)] : UNKNOWN, 'ratio'],
      ['rows', row => count(row.rows), 'number'],
    ], of.layers), of.layers_left_out > 0 ? el('p', { class: 'note' }, `${count(of.layers_left_out)} more layers are not told.`) : null];
}

// table: makes a table, as panels do
export function learnerHealth(of, table) {
  const [kind, sentence] = verdict(of);
  return [el('p', { class: kind }, sentence), ...portfolio(of), el('h3', { class: 'under' }, 'Steps and weights'),
    table('Steps and weights', [
      ['tensor', row => el('code', {}, row.name), 'text'], ['where', row => row.place || UNKNOWN, 'text'],
      ['step / weights', step, 'ratio'], ['step', row => decimal(row.step), 'number'], ['norm', row => decimal(row.norm), 'number'],
      ['since last report', row => decimal(row.change), 'number'], ['rate', row => decimal(row.rate), 'number'],
      ['histogram', histogram, 'text'],
      ['weights', row => row.read < row.weights ? `${count(row.read)} read of ${count(row.weights)}` : count(row.weights), 'number'],
      ['not finite', row => count(row.not_finite), 'number'],
    ], of.tensors),
    el('p', { class: 'note' }, `Root mean squares: of what one update changed, of the weights, and of what changed in ${count(of.updates)} updates since the last report.`,
      of.tensors_left_out > 0 ? ` ${count(of.tensors_left_out)} smaller tensors are not told.` : null), ...units(of, table)];
}
